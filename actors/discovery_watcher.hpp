#pragma once

#include "actors/messages.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace dynamo::actors {

/// The discovery backend, and what must survive the actor that drives it.
/// Owned by the supervisor, used by one watcher at a time.
struct watcher_resources {
  std::unique_ptr<discovery> store;
  std::shared_ptr<discovery_inbox> changes;
  std::shared_ptr<doorbell> bell = std::make_shared<doorbell>();
  std::set<bucket> watched;
  /// Records in the store, by the actor that wants them there.
  std::map<caf::actor_addr, std::vector<record>> owned;
  /// Those actors, to be watched again by the next watcher.
  std::map<caf::actor_addr, caf::actor> owners;
};

/// The only actor that speaks to discovery: keeps the records of this process
/// there, and tells the others what it finds. It may wait for the store, so it
/// runs in a thread of its own.
///
/// receives  watch_bucket, put_records, remove_records, report_watcher;
///           records_waiting (backend)
/// sends     records_changed; records_put, put_failed, records_removed
/// owns      the picture of each watched bucket
/// failure   while the store cannot be seen, what is known stays and observers
///           hear of it; records of an owner that dies are withdrawn
class discovery_watcher final : public caf::event_based_actor {
 public:
  discovery_watcher(caf::actor_config& config, watcher_resources& resources);

  caf::behavior make_behavior() override;
  const char* name() const override { return "discovery_watcher"; }

 private:
  using changes = std::vector<discovery_change>;

  void on_watch_bucket(const watch_bucket& command);
  void on_put_records(const put_records& command);
  void on_remove_records(const remove_records& command);
  void on_records_waiting();
  watcher_status on_report() const;
  void on_owner_down(const caf::actor_addr& owner);

  void forget(const caf::actor_addr& owner, outcome_sink done);
  void look_at(bucket where);
  void keep(const discovery_change& change);
  changes picture_of(bucket where) const;
  void tell(bucket where, changes news, bool complete);

  watcher_resources& resources_;
  seam::down_watch owners_;
  std::map<bucket, std::map<std::string, record>> known_;
  std::map<bucket, bool> synced_;
  std::map<bucket, std::string> stale_;
  std::map<bucket, std::vector<caf::actor>> observers_;
};

} // namespace dynamo::actors
