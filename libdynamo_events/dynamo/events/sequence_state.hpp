#pragma once

#include "dynamo/events/sequence.hpp"

#include <chrono>
#include <cstdint>
#include <variant>
#include <vector>

// What our routers tell each other beside the events of Dynamo's format, so
// that what was lost, or was said before a router came, is repaired. Published
// on topics::sequence_state; Dynamo's routers do not read it.

namespace dynamo {

/// How many requests a router has in progress, and a digest of which.
struct sequence_summary {
  std::uint64_t requests = 0;
  /// The exclusive or of a hash of each: digest_of() in router/booking.hpp.
  std::uint64_t digest = 0;

  bool operator==(const sequence_summary&) const = default;
};

/// Whoever sees a summary that it cannot agree with asks for a snapshot.
struct sequence_wanted {
  std::uint64_t owner = 0;

  bool operator==(const sequence_wanted&) const = default;
};

/// A request in progress.
struct tracked_request {
  /// Always an add_request; the router is the sender.
  active_sequence_event added;
  bool prefill_completed = false;
  /// Since it was booked.
  std::chrono::milliseconds age{0};

  bool operator==(const tracked_request&) const = default;
};

/// All requests that a router has in progress, in one message or several.
struct sequence_snapshot {
  /// Counts up; parts of one snapshot have the same.
  std::uint64_t number = 0;
  /// From 0 on, of `parts`.
  std::uint32_t part = 0;
  std::uint32_t parts = 1;
  std::vector<tracked_request> requests;

  bool operator==(const sequence_snapshot&) const = default;
};

struct sequence_state {
  std::uint64_t router_id = 0;
  std::variant<sequence_summary, sequence_wanted, sequence_snapshot> data;

  bool operator==(const sequence_state&) const = default;
};

/// Readers refuse a snapshot in more parts, and a part with more requests.
inline constexpr std::uint32_t snapshot_parts_max = 4096;
inline constexpr std::size_t snapshot_requests_per_part_max = 1024;

} // namespace dynamo
