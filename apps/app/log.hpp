#pragma once

#include "actors/event_plane.hpp"

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace dynamo::apps {

/// A log on stderr, for people; colours on a terminal only. Thread-safe.
/// `level` is one of log_options.
std::shared_ptr<spdlog::logger> make_log(const std::string& program,
                                         const std::string& level);

/// What the event plane writes its messages to.
actors::log_sink make_log_sink(std::shared_ptr<spdlog::logger> log);

} // namespace dynamo::apps
