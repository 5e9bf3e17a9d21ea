#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace dynamo {

/// How the delay between attempts grows.
struct backoff_limits {
  std::chrono::milliseconds initial{100};
  std::chrono::milliseconds max{5000};
};

/// Delays between attempts: exponential with full jitter. Attempt n waits a
/// random time between half the initial delay and min(max, initial * 2^n), so
/// that peers that lost the same connection do not come back in lockstep.
class backoff {
 public:
  /// The seed makes the delays repeatable in tests.
  backoff(backoff_limits limits, std::uint64_t seed);

  /// The delay before the next attempt.
  std::chrono::milliseconds next();

  /// To be called after a success: starts again at the initial delay.
  void reset() { attempts_ = 0; }

  /// How many delays were given since the last success.
  std::uint32_t attempts() const { return attempts_; }

 private:
  backoff_limits limits_;
  std::uint32_t attempts_ = 0;
  std::mt19937_64 random_;
};

} // namespace dynamo
