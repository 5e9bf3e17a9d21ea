#pragma once

#include "actors/messages.hpp"

#include <functional>
#include <map>
#include <string>

namespace dynamo::actors {

/// Hands what happens in a bucket of discovery to a function.
///
/// receives  records_changed (watcher); parts_started (supervisor)
/// sends     watch_bucket
/// owns      the function, and the keys it was told of
/// failure   after the watcher was started again, the function hears only of
///           what is different
class record_observer final : public caf::event_based_actor {
 public:
  record_observer(caf::actor_config& config, bucket where,
                  std::function<void(const discovery_change&)> on_change);

  caf::behavior make_behavior() override;
  const char* name() const override { return "record_observer"; }

 private:
  void on_records_changed(const records_changed& fact);
  void on_parts_started(const parts_started& fact);

  void tell(const discovery_change& change);
  void tell_missing(const records_changed& fact);

  bucket where_;
  std::function<void(const discovery_change&)> on_change_;
  std::map<std::string, record> told_;
};

} // namespace dynamo::actors
