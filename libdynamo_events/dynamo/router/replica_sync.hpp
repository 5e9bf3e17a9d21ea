#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/events/sequence_state.hpp"
#include "dynamo/router/active_sequences.hpp"
#include "dynamo/router/ended_requests.hpp"
#include "dynamo/router/replica_peer.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

// How routers that share workers know each other's requests. Spec: payloads 8;
// the summaries and snapshots are ours: doc/decisions/0015.

namespace dynamo {

/// Totals since construction.
struct replica_counts {
  std::uint64_t published = 0;
  /// Lost to outgoing_max.
  std::uint64_t outgoing_dropped = 0;
  /// Events of others that meant something here.
  std::uint64_t applied = 0;
  /// Bookings that were known already.
  std::uint64_t repeated_ignored = 0;
  /// Our own, come back.
  std::uint64_t own_ignored = 0;
  /// Free and prefill of requests that are not known.
  std::uint64_t unknown_ignored = 0;
  /// Of requests that had ended already, or of routers that left.
  std::uint64_t late_ignored = 0;
  /// Summaries that said otherwise than what we hold.
  std::uint64_t disagreements = 0;
  std::uint64_t snapshots_wanted = 0;
  std::uint64_t snapshots_sent = 0;
  /// In full.
  std::uint64_t snapshots_applied = 0;
  /// Lost to a limit, or given up with parts missing.
  std::uint64_t snapshots_dropped = 0;
  /// Requests that a snapshot added, changed or took away.
  std::uint64_t repaired = 0;
  /// Routers that were not heard for silence_max, or left.
  std::uint64_t routers_lost = 0;
  /// Events and states of routers beyond routers_max.
  std::uint64_t routers_refused = 0;
};

/// Another router, as far as it is heard.
struct replica_report {
  std::uint64_t router_id = 0;
  std::size_t requests = 0;
  /// Since its last event or summary.
  clock::duration silence{0};
  /// Whether it sends summaries, as ours do and Dynamo's do not.
  bool summarises = false;
  /// Whether its last summary says what we hold.
  bool agrees = false;
};

/// One router's side of the talk. What is to be said is collected until it is
/// taken. Changes only `active_sequences`, whose owner passes it to each call.
///
/// Events in Dynamo's format say what happened. Every summary_interval each of
/// our routers says how many requests it has and a digest of them; who finds
/// two such summaries in a row wrong, or comes late, or knows of a gap, wants a
/// snapshot. A router is the authority on its own requests: what it does not
/// name is taken away, what it names is added, prefills included, except what
/// changed within the last summary_interval or ended within the last four.
/// Routers agree within eight intervals after messages stopped being lost, and
/// silence_max after the death of one.
class replica_sync {
 public:
  replica_sync(std::uint64_t router_id, const replica_options& options);

  // -- What this router did

  void added(const booking& request);
  void prefill_completed(const booking& request);
  void freed(const booking& request);

  // -- What others say

  /// Returns whether a request ended or its prefill did: parked requests may
  /// go on then. A request's prefill and end are those of the sender's request
  /// with the id; if there is none, of another router's on the rank that the
  /// event names: so a worker's marks are taken, and what a router was told of
  /// a request that it did not book.
  bool apply(const active_sequence_events& events, active_sequences& requests,
             clock::time_point now);
  bool apply(const sequence_state& said, active_sequences& requests,
             clock::time_point now);

  /// Events of this router are known to be lost: the next summary that says
  /// otherwise than what we hold is followed by a snapshot at once.
  void gap_seen(std::uint64_t router_id);

  /// A router left discovery: its requests go, and what is still under way of
  /// it is ignored. One that did not leave after all is back a few seconds
  /// later. Returns as `apply` does.
  bool remove_router(std::uint64_t router_id, active_sequences& requests);

  /// To be called at least every summary_interval / 2. Returns as `apply`.
  bool tick(active_sequences& requests, clock::time_point now);

  // -- What is to be published

  /// At most 256, in their order; empty when there are none.
  active_sequence_events take_events();
  /// On the topic of our own, which Dynamo's routers do not read.
  std::vector<sequence_state> take_states();

  std::vector<replica_report> replicas(const active_sequences& requests,
                                       clock::time_point now) const;
  replica_counts counts() const { return counts_; }

 private:
  using peer_map = std::map<std::uint64_t, replica_peer>;

  // -- Events

  struct step {
    const active_sequence_event& event;
    active_sequences& requests;
  };
  bool take(const step& said, const add_request& added);
  bool take(const step& said, const mark_prefill_completed&);
  bool take(const step& said, const free_request&);
  std::optional<std::uint64_t> owner_meant(const step& said);
  bool is_ignored(std::uint64_t router_id);
  /// Nothing when there are too many.
  replica_peer* known_peer(std::uint64_t router_id,
                           const active_sequences& requests);
  void follow(std::uint64_t router_id, active_sequences& requests);

  // -- States

  struct statement {
    std::uint64_t router_id;
    replica_peer& peer;
    active_sequences& requests;
  };
  bool take(const statement& by, const sequence_summary& summary);
  bool take(const statement& by, const sequence_wanted& wanted);
  bool take(const statement& by, const sequence_snapshot& part);
  bool begins(replica_peer& peer, const sequence_snapshot& part);
  bool take_tracked(const statement& by, const tracked_request& tracked);
  bool take_away_unnamed(const statement& by);
  void drop_snapshot(replica_peer& peer);
  void agree(const statement& by);
  void want(const statement& by);
  void answer(const active_sequences& requests);

  clock::duration interval() const { return options_.summary_interval; }
  /// How long ends are remembered, and parts of a snapshot waited for.
  clock::duration memory() const { return 4 * interval(); }
  void enqueue(active_sequence_event event);

  std::uint64_t router_id_;
  replica_options options_;
  peer_map peers_;
  ended_requests ended_;
  /// Routers that left discovery, and when.
  std::map<std::uint64_t, clock::time_point> departed_;

  std::deque<active_sequence_event> events_;
  std::size_t event_blocks_ = 0;
  std::vector<sequence_state> states_;
  std::optional<clock::time_point> summarised_;
  /// Somebody wants a snapshot.
  bool wanted_ = false;
  std::optional<clock::time_point> snapshot_sent_;
  std::uint64_t snapshot_number_ = 0;
  /// Ids named in unfinished snapshots of all routers.
  std::size_t named_ = 0;
  clock::time_point now_{};
  replica_counts counts_;
};

} // namespace dynamo
