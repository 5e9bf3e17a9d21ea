#include "dynamo/base/backoff.hpp"

#include <algorithm>

namespace dynamo {

backoff::backoff(backoff_limits limits, std::uint64_t seed)
    : limits_(limits)
    , random_(seed) {}

std::chrono::milliseconds backoff::next() {
  // 2^20 times any sensible initial delay is beyond any sensible maximum.
  const auto doublings = std::min<std::uint32_t>(attempts_, 20);
  ++attempts_;
  const auto least = limits_.initial.count() / 2;
  const auto most =
      std::max(least, std::min(limits_.max.count(), limits_.initial.count()
                                                        << doublings));
  std::uniform_int_distribution<std::int64_t> pick{least, most};
  return std::chrono::milliseconds{pick(random_)};
}

} // namespace dynamo
