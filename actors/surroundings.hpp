#pragma once

#include "actors/event_plane.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"

#include <chrono>
#include <string>

namespace dynamo::actors {

/// How publishers use a connection that all of them share.
struct link_timing {
  std::chrono::milliseconds hold{0};
  std::chrono::milliseconds repeat_window{0};
  std::chrono::milliseconds offer_interval{0};
};

inline link_timing link_timing_of(const plane_options& options) {
  if (options.transport == transport_kind::nats) {
    const nats_options& nats = options.nats;
    return {nats.hold, nats.repeat_window, nats.offer_interval};
  }
  const broker_client_options& broker = options.zmq.broker;
  return {broker.hold, broker.repeat_window, broker.offer_interval};
}

/// What every actor is given instead of reaching for globals. Outlives them
/// all.
struct surroundings {
  const clock& time;
  plane_options options;
  log_sink log;

  void debug(const std::string& text) const { say(log_level::debug, text); }
  void info(const std::string& text) const { say(log_level::info, text); }
  void warn(const std::string& text) const { say(log_level::warn, text); }

  void say(log_level level, const std::string& text) const {
    if (log) {
      log(level, text);
    }
  }
};

} // namespace dynamo::actors
