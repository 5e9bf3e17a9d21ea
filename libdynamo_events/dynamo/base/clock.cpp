#include "dynamo/base/clock.hpp"

#include <algorithm>

namespace dynamo {

clock::time_point system_clock::now() const {
  return std::chrono::steady_clock::now();
}

std::chrono::milliseconds system_clock::unix_time() const {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::max(std::chrono::milliseconds{0},
                  std::chrono::duration_cast<std::chrono::milliseconds>(since));
}

manual_clock::manual_clock(std::chrono::milliseconds unix_time)
    : start_(unix_time) {}

clock::time_point manual_clock::now() const {
  const lock_guard guard{mutex_};
  return time_point{} + elapsed_;
}

std::chrono::milliseconds manual_clock::unix_time() const {
  const lock_guard guard{mutex_};
  return start_ +
         std::chrono::duration_cast<std::chrono::milliseconds>(elapsed_);
}

void manual_clock::advance(duration step) {
  const lock_guard guard{mutex_};
  elapsed_ += step;
}

} // namespace dynamo
