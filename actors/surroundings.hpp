#pragma once

#include "actors/event_plane.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"

#include <string>

namespace dynamo::actors {

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
