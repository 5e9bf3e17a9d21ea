#pragma once

#include "dynamo/router/replica_sync.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

// One router that is told by hand what a peer says.

namespace dynamo::testing {

using namespace std::chrono_literals;

inline constexpr std::uint64_t self = 1;
inline constexpr std::uint64_t peer = 2;
inline constexpr std::uint64_t third = 3;
inline constexpr std::uint64_t worker = 501;
inline constexpr auto interval = 500ms;
inline const clock::time_point start{1h};

inline booking request(std::string id, worker_rank rank = {worker, 0}) {
  booking made;
  made.request_id = std::move(id);
  made.rank = rank;
  made.router_id = peer;
  made.sequence = {1, 2, 3};
  made.prefill_tokens = 60;
  return made;
}

inline active_sequence_event step(std::string id,
                                  std::uint64_t router_id = peer) {
  active_sequence_event made;
  made.request_id = std::move(id);
  made.worker = {worker, 0};
  made.router_id = router_id;
  return made;
}

inline active_sequence_event added(std::string id,
                                   worker_rank rank = {worker, 0}) {
  return added_event(request(std::move(id), rank));
}

inline active_sequence_event prefilled(std::string id,
                                       std::uint64_t router_id = peer) {
  auto made = step(std::move(id), router_id);
  made.data = mark_prefill_completed{};
  return made;
}

inline active_sequence_event freed(std::string id,
                                   std::uint64_t router_id = peer) {
  auto made = step(std::move(id), router_id);
  made.data = free_request{};
  return made;
}

/// One router, told things by hand.
struct router {
  explicit router(replica_options options = {})
      : sync(self, options) {}

  bool hear(const active_sequence_event& event) {
    return sync.apply({event}, requests, now);
  }
  bool hear(decltype(sequence_state::data) said,
            std::uint64_t router_id = peer) {
    return sync.apply(sequence_state{router_id, std::move(said)}, requests,
                      now);
  }
  /// A summary of what `is` holds.
  bool hear_summary(const active_sequences& is) {
    return hear(sequence_summary{is.size(peer), is.digest(peer)});
  }
  bool tick(clock::duration later = {}) {
    now += later;
    return sync.tick(requests, now);
  }
  /// Owners of which snapshots are wanted; the rest is thrown away.
  std::vector<std::uint64_t> wanted() {
    std::vector<std::uint64_t> owners;
    for (const sequence_state& each : sync.take_states()) {
      if (const auto* one = std::get_if<sequence_wanted>(&each.data))
        owners.push_back(one->owner);
    }
    return owners;
  }
  std::vector<sequence_snapshot> snapshots() {
    std::vector<sequence_snapshot> parts;
    for (const sequence_state& each : sync.take_states()) {
      if (const auto* part = std::get_if<sequence_snapshot>(&each.data))
        parts.push_back(*part);
    }
    return parts;
  }

  active_sequences requests;
  replica_sync sync;
  clock::time_point now = start;
};

/// What the peer has, for its summaries.
inline active_sequences holding(const std::vector<booking>& bookings) {
  active_sequences all;
  for (const booking& each : bookings)
    all.add(each, start);
  return all;
}

inline sequence_snapshot snapshot_of(std::vector<booking> bookings,
                                     std::uint64_t number = 1) {
  sequence_snapshot made;
  made.number = number;
  for (const booking& each : bookings)
    made.requests.push_back({added_event(each), false, 0ms});
  return made;
}

} // namespace dynamo::testing
