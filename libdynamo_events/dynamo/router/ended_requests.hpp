#pragma once

#include "dynamo/base/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

namespace dynamo {

/// Requests of other routers that ended a short while ago, so that what was
/// said before their end and arrives after it does not bring them back. They
/// are known by a key, a hash of router and id, and by the fingerprint of the
/// booking that ended, where that was known.
///
/// The rule: while an end is remembered, a snapshot does not bring the request
/// back, and an event does only when it says something else than the booking
/// that ended. When the end came before its booking, the first event that
/// books the request is taken for that one.
class ended_requests {
 public:
  /// The oldest are forgotten beyond `count_max`.
  ended_requests(std::size_t count_max, clock::duration kept)
      : count_max_(count_max)
      , kept_(kept) {}

  void add(std::uint64_t key, std::optional<std::uint64_t> fingerprint,
           clock::time_point now);

  bool contains(std::uint64_t key) const { return ends_.contains(key); }

  /// Whether an event that books a request is from before its end. When it is
  /// not, the end is forgotten.
  bool is_late(std::uint64_t key, std::uint64_t fingerprint);

  /// Forgets what is older than `kept`.
  void expire(clock::time_point now);

  std::size_t size() const { return ends_.size(); }

 private:
  struct end {
    std::optional<std::uint64_t> fingerprint;
    clock::time_point when;
  };
  struct mark {
    std::uint64_t key;
    clock::time_point when;
  };

  void forget_oldest();

  std::size_t count_max_;
  clock::duration kept_;
  std::unordered_map<std::uint64_t, end> ends_;
  /// In the order of time; also of ends that are forgotten already.
  std::deque<mark> order_;
};

} // namespace dynamo
