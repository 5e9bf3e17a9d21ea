#include "apps/bench/measures/role_group.hpp"

#include <utility>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

constexpr auto start_time = 60s;
/// A subscriber that hears nothing for so long hears nothing more.
constexpr auto silence = 1500ms;

} // namespace

role_group::~role_group() {
  // Subscribers first: a publisher that goes is news to them.
  for (auto one = roles_.rbegin(); one != roles_.rend(); ++one) {
    one->end();
  }
}

result<role_group::number> role_group::start(const contender& who,
                                             const std::string& verb,
                                             std::vector<std::string> flags) {
  if (verb == "sub") {
    for (const auto& endpoints : endpoints_) {
      for (const std::string& endpoint : endpoints) {
        flags.insert(flags.end(), {"--endpoint", endpoint});
      }
    }
  }
  auto started = stage_.start(who, verb, std::move(flags));
  if (!started) {
    return std::move(started).error();
  }
  roles_.push_back(*std::move(started));
  const auto ready = roles_.back().wait_for("ready", start_time);
  if (!ready) {
    return ready.error();
  }
  endpoints_.push_back(ready->value("endpoints", std::vector<std::string>{}));
  return roles_.size() - 1;
}

result<nlohmann::json> role_group::converse(const std::vector<step>& steps,
                                            std::chrono::milliseconds time) {
  nlohmann::json last;
  for (const step& one : steps) {
    role_process& who = roles_[one.who];
    if (!one.command.empty()) {
      if (const status told = who.tell(one.command); !told) {
        return told.error();
      }
    }
    if (!one.event.empty()) {
      auto heard = who.wait_for(one.event, time);
      if (!heard) {
        return heard;
      }
      last = *std::move(heard);
    }
  }
  return last;
}

result<nlohmann::json> role_group::result_of(number who) {
  double before = -1;
  for (;;) {
    auto done = roles_[who].wait_for("result", silence);
    if (done || done.error().code != errc::unavailable) {
      return done;
    }
    const auto progress = converse({{who, "progress", "progress"}});
    if (!progress) {
      return progress;
    }
    const double received = progress->value("received", 0.0);
    if (received == before) {
      return converse({{who, "stop", "result"}});
    }
    before = received;
  }
}

void role_group::kill(number who) {
  roles_[who].kill();
}

} // namespace dynamo::apps
