#pragma once

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace dynamo::apps {

/// How a role and the process that started it talk: commands, one word a line,
/// come on stdin; events, one JSON object a line, go to stdout. The end of
/// stdin is the command "end". For one thread.
class role_console {
 public:
  /// Says {"event": `event`} with the other fields.
  void say(std::string_view event, nlohmann::json fields);
  void say(std::string_view event);

  /// Waits for the next command.
  std::string next();

  /// The next command, if there is one within this time.
  std::optional<std::string> next_within(std::chrono::milliseconds time);

 private:
  std::optional<std::string> take_line();
  bool read_some(int timeout_ms);

  std::string unread_;
  bool ended_ = false;
};

} // namespace dynamo::apps
