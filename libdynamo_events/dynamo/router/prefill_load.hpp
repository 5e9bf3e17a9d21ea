#pragma once

#include "dynamo/base/clock.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>

namespace dynamo {

/// The prompt tokens that a rank still has to compute: those of its prefills,
/// less what it must have done since. Spec: payloads 8, "prefill load".
///
/// A rank is believed to work on the oldest prefill, the anchor, at the speed
/// that its expected duration says. While every prefill has a duration, an
/// anchor that takes longer than expected goes on decaying at the cost of the
/// others, as engines compute several at once; while one has none, no more
/// than the anchor's own tokens decay. An anchor without duration does not.
class prefill_load {
  struct prefill {
    std::uint64_t tokens;
    std::optional<std::chrono::nanoseconds> duration;
  };

 public:
  /// Where a prefill stands; valid until it is removed.
  using place = std::list<prefill>::iterator;

  prefill_load() = default;
  prefill_load(const prefill_load&) = delete;
  prefill_load& operator=(const prefill_load&) = delete;

  /// `since`: when it was booked, from when on it decays if it is the first.
  place add(std::uint64_t tokens,
            std::optional<std::chrono::nanoseconds> duration,
            clock::time_point since);

  /// The prefill is completed, or its request is gone. If it was the anchor,
  /// the next one is it from `now` on. Otherwise the anchor starts later by the
  /// duration of the one removed, but not later than now: what was done of that
  /// one had been taken for progress of the anchor.
  void remove(place which, clock::time_point now);

  /// Rounded up, never negative.
  std::uint64_t tokens(clock::time_point now) const;

  std::size_t size() const { return prefills_.size(); }

 private:
  /// The oldest first.
  std::list<prefill> prefills_;
  std::uint64_t sum_ = 0;
  std::size_t without_duration_ = 0;
  /// From when on the first one decays.
  clock::time_point since_{};
};

} // namespace dynamo
