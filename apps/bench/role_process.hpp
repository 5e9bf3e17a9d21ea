#pragma once

#include "apps/bench/child_process.hpp"
#include "dynamo/base/error.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <deque>
#include <string>
#include <string_view>

namespace dynamo::apps {

/// A process that plays a role: commands in, events out.
class role_process {
 public:
  /// `name` stands in front of what goes wrong with it.
  role_process(std::string name, child_process process)
      : name_(std::move(name))
      , process_(std::move(process)) {}

  status tell(std::string_view command);

  /// The next event of that kind; others that came before it stay for later
  /// calls. Fails when the role does, and when it takes longer.
  result<nlohmann::json> wait_for(std::string_view event,
                                  std::chrono::milliseconds time);

  /// Tells it to end, and waits for that.
  void end();

  /// Ends it without telling.
  void kill();

  const std::string& name() const { return name_; }
  pid_t pid() const { return process_.pid(); }

 private:
  std::string name_;
  child_process process_;
  std::deque<nlohmann::json> events_;
};

} // namespace dynamo::apps
