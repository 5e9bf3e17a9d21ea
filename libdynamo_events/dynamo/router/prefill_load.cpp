#include "dynamo/router/prefill_load.hpp"

#include <algorithm>

namespace dynamo {

prefill_load::place
prefill_load::add(std::uint64_t tokens,
                  std::optional<std::chrono::nanoseconds> duration,
                  clock::time_point since) {
  if (prefills_.empty())
    since_ = since;
  sum_ += tokens;
  without_duration_ += duration ? 0U : 1U;
  return prefills_.insert(prefills_.end(), {tokens, duration});
}

void prefill_load::remove(place which, clock::time_point now) {
  const std::optional<std::chrono::nanoseconds> duration = which->duration;
  const bool was_anchor = which == prefills_.begin();
  sum_ -= which->tokens;
  without_duration_ -= duration ? 0U : 1U;
  prefills_.erase(which);
  if (was_anchor) {
    since_ = now;
    return;
  }
  // Compared as lengths: the sum of the two could overflow.
  const clock::duration elapsed = now - since_;
  if (duration && elapsed > clock::duration{0})
    since_ += std::min<clock::duration>(*duration, elapsed);
}

std::uint64_t prefill_load::tokens(clock::time_point now) const {
  if (prefills_.empty())
    return 0;
  const prefill& anchor = prefills_.front();
  const clock::duration elapsed = now - since_;
  if (!anchor.duration || elapsed < clock::duration{0})
    return sum_;
  const auto own = static_cast<double>(anchor.tokens);
  const auto length = static_cast<double>(anchor.duration->count());
  // No time at all says that it is done, and nothing of how fast.
  double done =
      length > 0 ? own * (static_cast<double>(elapsed.count()) / length) : own;
  if (without_duration_ > 0)
    done = std::min(done, own);
  if (done >= static_cast<double>(sum_))
    return 0;
  return sum_ - static_cast<std::uint64_t>(done);
}

} // namespace dynamo
