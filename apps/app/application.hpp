#pragma once

#include "actors/event_plane.hpp"
#include "apps/app/arguments.hpp"
#include "apps/app/output.hpp"
#include "apps/app/program.hpp"
#include "apps/app/stop_signal.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"

#include <nlohmann/json_fwd.hpp>
#include <spdlog/logger.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

namespace dynamo::apps {

/// What a program has while it runs: its configuration, its log, its stdout
/// and the wish to stop. Made by `run`. Thread-safe.
class application {
 public:
  application(const program& self, arguments given, stop_signal& stop);
  application(const application&) = delete;
  application& operator=(const application&) = delete;

  const options& settings() const { return given_.configuration.values; }
  const loaded_options& configuration() const { return given_.configuration; }
  output& out() { return out_; }
  spdlog::logger& log() { return *log_; }
  actors::log_sink log_sink() const;
  const dynamo::clock& clock() const { return clock_; }

  /// Says that the program answers now: the event "started" with the program's
  /// name, pid, transport and discovery, and `fields`, an object. `run` then
  /// says "stopped" at the end.
  void started(const nlohmann::json& fields);

  /// Until SIGTERM, SIGINT, request_stop, or the end of stdout's reader.
  void wait_for_stop() const { stop_.wait(); }
  /// At most so long; true when it is time to stop.
  bool wait_for_stop(std::chrono::milliseconds timeout) const {
    return stop_.wait_for(timeout);
  }
  bool stopping() const { return stop_.requested(); }
  /// The same for whatever waits by itself; not after this object.
  std::function<bool()> stop_check() const {
    return [this] { return stopping(); };
  }
  void request_stop() { stop_.request(); }

  /// Says "stopped", if it ever said "started".
  void stopped();

 private:
  const program& self_;
  const arguments given_;
  stop_signal& stop_;
  system_clock clock_;
  std::shared_ptr<spdlog::logger> log_;
  output out_;
  std::atomic<bool> started_ = false;
};

/// A program's main: raises the limit of open files to the hard one, reads the
/// command line and the configuration, and calls `body`, which returns when
/// the program is done or its application says stop. Returns the exit code; a
/// body that fails with errc::invalid or errc::unsupported counts as a mistake
/// in the configuration.
int run(const program& self, int argc, const char* const* argv,
        const std::function<status(application&)>& body);

} // namespace dynamo::apps
