#include "apps/bench/role_process.hpp"

#include <algorithm>
#include <utility>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

constexpr auto end_time = 20s;

} // namespace

status role_process::tell(std::string_view command) {
  const status written = process_.write_line(std::string{command});
  return written ? ok()
                 : status{error{written.error().code,
                                name_ + ": " + written.error().message}};
}

result<nlohmann::json> role_process::wait_for(std::string_view event,
                                              std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  for (;;) {
    const auto known =
        std::find_if(events_.begin(), events_.end(), [event](const auto& one) {
          return one.value("event", "") == event;
        });
    if (known != events_.end()) {
      nlohmann::json found = std::move(*known);
      events_.erase(known);
      return found;
    }
    const auto left =
        std::max(0ms, std::chrono::duration_cast<std::chrono::milliseconds>(
                          deadline - std::chrono::steady_clock::now()));
    const auto line = process_.read_line(left);
    if (!line) {
      return error{line.error().code, name_ + ": expected \"" +
                                          std::string{event} + "\", but " +
                                          line.error().message};
    }
    auto one = nlohmann::json::parse(*line, nullptr, false);
    if (!one.is_object()) {
      return error{errc::malformed,
                   name_ + ": expected an event, got " + *line};
    }
    if (one.value("event", "") == "failed") {
      return error{errc::io, name_ + ": " + one.value("reason", "failed")};
    }
    events_.push_back(std::move(one));
  }
}

void role_process::end() {
  // One that is gone has ended.
  static_cast<void>(process_.write_line("end"));
  process_.finish(end_time);
}

void role_process::kill() {
  process_.kill();
}

} // namespace dynamo::apps
