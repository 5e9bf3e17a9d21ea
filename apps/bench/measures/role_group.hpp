#pragma once

#include "apps/bench/contender.hpp"
#include "apps/bench/role_process.hpp"
#include "apps/bench/stage.hpp"
#include "dynamo/base/error.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace dynamo::apps {

/// Told of the processes that take part.
using process_sink = std::function<void(const std::vector<pid_t>&)>;

/// The processes of one trial on one stage. They end with it.
class role_group {
 public:
  using number = std::size_t;

  /// What is told to a role, and what is waited for then; either may be empty.
  struct step {
    number who = 0;
    std::string command;
    std::string event;
  };

  explicit role_group(stage& where)
      : stage_(where) {}
  ~role_group();
  role_group(const role_group&) = delete;
  role_group& operator=(const role_group&) = delete;

  /// Starts a role and waits until it is ready. A subscriber is told of the
  /// endpoints of all publishers before it.
  result<number> start(const contender& who, const std::string& verb,
                       std::vector<std::string> flags);

  /// Takes the steps in turn; the last event that was waited for.
  result<nlohmann::json>
  converse(const std::vector<step>& steps,
           std::chrono::milliseconds time = std::chrono::seconds{60});

  /// The event "result" of a subscriber, who is told to stop when it hears
  /// nothing more.
  result<nlohmann::json> result_of(number who);

  /// Where the publishers of a role can be heard.
  const std::vector<std::string>& endpoints_of(number who) const {
    return endpoints_[who];
  }

  pid_t pid_of(number who) const { return roles_[who].pid(); }

  /// Kills one, as a machine that fails does.
  void kill(number who);

 private:
  stage& stage_;
  std::vector<role_process> roles_;
  /// One list for each role.
  std::vector<std::vector<std::string>> endpoints_;
};

} // namespace dynamo::apps
