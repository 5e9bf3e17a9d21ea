#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/base/mutex.hpp"

#include <chrono>
#include <memory>
#include <thread>

namespace dynamo::apps {

/// The request to stop, from SIGTERM, SIGINT or the program itself. The second
/// signal ends the process at once with exit_interrupted. To be made in the
/// main thread before any other thread, which then inherit that the signals
/// are blocked; one at a time. SIGPIPE is ignored. Thread-safe.
class stop_signal {
 public:
  /// errc::io when the system gives no descriptors.
  static result<std::unique_ptr<stop_signal>> watch();

  ~stop_signal();
  stop_signal(const stop_signal&) = delete;
  stop_signal& operator=(const stop_signal&) = delete;

  /// Asks to stop, as a signal does, but counts as none.
  void request();
  bool requested() const;

  /// Returns when stopping is requested.
  void wait() const;

  /// Waits at most so long; true when stopping is requested.
  bool wait_for(std::chrono::milliseconds timeout) const;

 private:
  stop_signal(int signals, int wake);
  void observe();

  const int signals_;
  const int wake_;
  mutable mutex mutex_;
  mutable condition changed_;
  bool requested_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::thread observer_;
};

} // namespace dynamo::apps
