#include "apps/bench/roles/role_console.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace dynamo::apps {

void role_console::say(std::string_view event, nlohmann::json fields) {
  fields["event"] = event;
  const std::string line = fields.dump() + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

void role_console::say(std::string_view event) {
  say(event, nlohmann::json::object());
}

std::string role_console::next() {
  for (;;) {
    if (auto line = take_line()) {
      return *std::move(line);
    }
    read_some(-1);
  }
}

std::optional<std::string>
role_console::next_within(std::chrono::milliseconds time) {
  if (auto line = take_line()) {
    return line;
  }
  read_some(static_cast<int>(time.count()));
  return take_line();
}

std::optional<std::string> role_console::take_line() {
  const std::size_t end = unread_.find('\n');
  if (end != std::string::npos) {
    std::string line = unread_.substr(0, end);
    unread_.erase(0, end + 1);
    return line;
  }
  return ended_ ? std::optional<std::string>{"end"} : std::nullopt;
}

/// False when nothing came in this time.
bool role_console::read_some(int timeout_ms) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (poll(&input, 1, timeout_ms) <= 0) {
    return false;
  }
  std::array<char, 256> bytes{};
  const ssize_t count = read(STDIN_FILENO, bytes.data(), bytes.size());
  if (count > 0) {
    unread_.append(bytes.data(), static_cast<std::size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    ended_ = true;
  }
  return true;
}

} // namespace dynamo::apps
