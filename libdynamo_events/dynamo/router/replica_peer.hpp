#pragma once

#include "dynamo/base/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

// What replica_sync remembers of another router.

namespace dynamo {

/// The digests that we had of a router's requests a short while ago. Events and
/// summaries travel apart: a summary may describe what we had before the last
/// events, and is right nevertheless.
class digest_trail {
 public:
  /// `current`: what we have now.
  digest_trail(std::uint64_t current, clock::duration kept)
      : current_(current)
      , kept_(kept) {}

  void advance(std::uint64_t current, clock::time_point now);

  /// Whether we have this digest, or had it within `kept`.
  bool holds(std::uint64_t digest, clock::time_point now) const;
  std::uint64_t current() const { return current_; }

 private:
  struct past {
    std::uint64_t digest;
    clock::time_point until;
  };
  static constexpr std::size_t length_max = 4096;

  std::uint64_t current_;
  clock::duration kept_;
  std::deque<past> past_;
};

/// The parts of a snapshot that came so far. Each is applied when it comes;
/// what is kept is whose requests it named, for taking away the others when
/// all parts are there.
struct snapshot_progress {
  std::uint64_t number = 0;
  /// When its last part came.
  clock::time_point heard{};
  std::vector<bool> seen;
  std::size_t missing = 0;
  /// Hashes of the ids.
  std::vector<std::uint64_t> named;
};

struct replica_peer {
  explicit replica_peer(digest_trail known)
      : trail(std::move(known)) {}

  clock::time_point heard{};
  bool summarises = false;
  bool agrees = false;
  /// We once had what it said that it has.
  bool settled = false;
  /// Events are known to be lost since we last agreed.
  bool gap = false;
  /// Summaries in a row that we could not agree with.
  std::size_t disagreements = 0;
  /// What the last of them said; we may still come there.
  std::optional<std::uint64_t> expected;
  digest_trail trail;
  /// When a snapshot was wanted last.
  std::optional<clock::time_point> asked;
  /// How many requests our own limits had cost by then.
  std::uint64_t evicted_when_asked = 0;
  std::optional<snapshot_progress> snapshot;
  /// The last one that was complete, and when.
  std::optional<std::uint64_t> applied_number;
  clock::time_point applied{};
};

} // namespace dynamo
