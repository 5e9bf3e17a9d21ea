#pragma once

#include "dynamo/base/mutex.hpp"

#include <chrono>

namespace dynamo {

/// Where time comes from. Thread-safe: every member from any thread.
class clock {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  virtual ~clock() = default;

  /// Never goes back; for delays and deadlines.
  virtual time_point now() const = 0;

  /// Since the Unix epoch, 0 when the clock stands before it; for what goes on
  /// the wire.
  virtual std::chrono::milliseconds unix_time() const = 0;
};

/// The clocks of the machine.
class system_clock final : public clock {
 public:
  time_point now() const override;
  std::chrono::milliseconds unix_time() const override;
};

/// A clock that stands still until a test moves it.
class manual_clock final : public clock {
 public:
  /// Starts at the given Unix time.
  explicit manual_clock(std::chrono::milliseconds unix_time =
                            std::chrono::milliseconds{1767225600000});

  time_point now() const override;
  std::chrono::milliseconds unix_time() const override;
  void advance(duration step);

 private:
  mutable mutex mutex_;
  duration elapsed_ DYNAMO_GUARDED_BY(mutex_){};
  std::chrono::milliseconds start_;
};

} // namespace dynamo
