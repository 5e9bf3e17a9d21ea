#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/events/forward_pass.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/load.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/events/sequence_state.hpp"
#include "dynamo/router/active_sequences.hpp"
#include "dynamo/router/block_lookup.hpp"
#include "dynamo/router/cost.hpp"
#include "dynamo/router/early_events.hpp"
#include "dynamo/router/event_cursor.hpp"
#include "dynamo/router/orphans.hpp"
#include "dynamo/router/overload.hpp"
#include "dynamo/router/predictor.hpp"
#include "dynamo/router/prefix_index.hpp"
#include "dynamo/router/rank_report.hpp"
#include "dynamo/router/replica_sync.hpp"
#include "dynamo/router/request_queue.hpp"
#include "dynamo/router/route.hpp"
#include "dynamo/router/router_counts.hpp"
#include "dynamo/router/source_table.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dynamo {

/// What became of one event.
enum class event_outcome {
  applied,
  duplicate,
  /// Held until its parent comes.
  held,
  parent_unknown,
  block_unknown,
  invalid,
  full,
  /// Its id was here before.
  stale,
  /// It speaks of a residency that we do not follow.
  ignored,
};

/// What became of one kv-events message.
enum class batch_outcome {
  /// Each event was counted by its own outcome.
  applied,
  /// Its publisher is not bound yet, or its rank is contested: kept.
  kept,
  /// An event names another rank than its publisher's: all dropped.
  disagrees,
  /// A newer publisher speaks for the rank: all dropped.
  superseded,
};

/// What a router knows about caches.
enum class cache_view {
  /// What their workers say, and with prediction_options::beside_events_ttl
  /// what its own decisions make likely.
  events,
  /// Only what its own decisions make likely.
  prediction,
};

/// Holds what ranks hold and do, and chooses among them. Everything comes in
/// as values: events, membership, time, chance. One thread at a time; only what
/// `lookup` returns may be used beside it.
class kv_router {
 public:
  /// `router_id` is what other routers know this one by; `seed` should be a
  /// random number, see make_prefix_index.
  kv_router(const router_options& options, std::uint32_t block_size,
            cache_view view = cache_view::events, std::uint64_t router_id = 0,
            std::uint64_t seed = 0);
  kv_router(kv_router&&) = default;
  kv_router& operator=(kv_router&&) = default;

  // -- What ranks hold: kv_router_events.cpp, kv_router_sources.cpp

  /// The publisher speaks for the rank from now on; what it said before is
  /// applied. A publisher that spoke for the rank until now is superseded and
  /// the rank's blocks are forgotten; with incarnation_policy::none neither
  /// counts until one is unbound. errc::too_large at a limit.
  status bind_source(std::uint64_t publisher_id, const worker_rank& rank,
                     clock::time_point now);

  /// The publisher is gone, and its rank's blocks with it, unless a newer
  /// publisher speaks for the rank. False when it was unknown.
  bool unbind_source(std::uint64_t publisher_id, clock::time_point now);

  /// The publisher began again: what it said is void. False when unknown.
  bool reset_source(std::uint64_t publisher_id);

  /// Applies one kv-events message, or keeps it, or drops it whole.
  batch_outcome apply_events(std::uint64_t publisher_id, const kv_events& batch,
                             clock::time_point now);

  /// Applies one event, whoever sent it.
  event_outcome apply(const router_event& event, clock::time_point now = {});

  // -- How far that can be trusted: kv_router_trust.cpp

  /// Overrides how far a rank can be trusted: partial after a loss that event
  /// ids do not show, stale while its connection is lost (until its next
  /// event), in_sync after a repair. False when unknown.
  bool mark(const worker_rank& rank, sync_state state);
  /// The same for the ranks that a publisher speaks for.
  bool mark_source(std::uint64_t publisher_id, sync_state state);

  /// The connection to a publisher is lost: its worker may be, too, long before
  /// discovery knows. The ranks that it speaks for are chosen only when there
  /// are no others, until `reconnect` or its next event. Once connected again
  /// they are no longer stale: what was missed meanwhile shows as a gap. False
  /// when unknown.
  bool cut_off(std::uint64_t publisher_id);
  bool reconnect(std::uint64_t publisher_id, clock::time_point now);

  // -- Who may be chosen: kv_router.cpp

  /// Makes a worker's ranks members; what is known of them from events is
  /// kept. Again: replaces the former profile. errc::too_large at a limit.
  status add_worker(std::uint64_t worker_id, worker_profile profile);

  /// Forgets a worker with its blocks and requests. False when unknown.
  bool remove_worker(std::uint64_t worker_id);

  /// The worker is not chosen any more and its requests are over, but what it
  /// holds is kept: it may come back (add_worker) or not (remove_worker).
  /// False when it is no member.
  bool suspend_worker(std::uint64_t worker_id);

  /// Takes over the fields that are there. False when the rank is no member.
  bool merge_load(const active_load& load, clock::time_point now);
  /// Keeps the newest. False when the rank is no member.
  bool note_forward_pass(const forward_pass_metrics& metrics,
                         clock::time_point now);

  // -- Requests: kv_router_choice.cpp, kv_router_requests.cpp

  /// Chooses a rank and books the request there, in one step; or parks it, or
  /// refuses it. `sample` in [0, 1) decides between equals. `overlaps` is what
  /// `lookup` found for the request.
  route_outcome route(route_request request,
                      std::span<const rank_overlap> overlaps,
                      clock::time_point now, double sample);
  /// Looks up itself.
  route_outcome route(route_request request, clock::time_point now,
                      double sample);

  /// Parked requests that go on now, or gave up. To be called when something
  /// ended, a worker joined, and from time to time. `sample` is called for
  /// each.
  std::vector<released_request> release(clock::time_point now,
                                        const std::function<double()>& sample);

  /// All return false when the request is unknown. What another router booked
  /// is known too, with replica_options::sync.
  bool mark_prefill_completed(std::string_view request_id,
                              clock::time_point now);
  /// The request has generated one more block. `progress` in [0, 1] says how
  /// far it has come; nothing: by what it expected to generate.
  bool add_output_block(std::string_view request_id,
                        std::optional<double> progress, clock::time_point now);
  /// A parked one is cancelled, and reported so by `release`.
  bool free(std::string_view request_id, clock::time_point now);

  /// Drops requests that were not heard of for request_ttl, and predictions
  /// that are too old; says how many requests.
  std::size_t expire(clock::time_point now);

  /// Does a little of what the index put off.
  void tidy();

  // -- Other routers: kv_router_requests.cpp

  /// True when something ended: `release` may find something.
  bool apply(const active_sequence_events& events, clock::time_point now);
  bool apply(const sequence_state& state, clock::time_point now);
  /// Messages of another router are lost.
  void router_gap(std::uint64_t router_id);
  bool router_left(std::uint64_t router_id);
  bool tick_replicas(clock::time_point now);
  active_sequence_events take_sequence_events();
  std::vector<sequence_state> take_sequence_states();

  // -- Pictures: kv_router_pictures.cpp

  /// May be used from any thread, for as long as it is kept.
  block_lookup lookup() const { return {index_, predictor_}; }

  /// Members that hold any leading blocks, in ascending order.
  std::vector<rank_overlap>
  overlaps(std::span<const std::uint64_t> local) const;

  /// All ranks that are members or known from events, in ascending order.
  std::vector<rank_report> ranks(clock::time_point now) const;
  std::vector<held_block> blocks(const worker_rank& rank) const;
  std::vector<booked_request> booked(clock::time_point now) const;
  std::vector<replica_report> replicas(clock::time_point now) const;
  index_size index() const;
  std::size_t members() const { return members_.size(); }
  std::size_t requests() const { return requests_.size(); }
  std::size_t parked() const { return queue_.size(); }
  router_counts counts() const;

 private:
  // What a choice looks at comes first.
  struct rank_state {
    bool member = false;
    bool partial = false;
    bool stale = false;
    bool cut_off = false;
    /// Several publishers claim it, and none counts.
    bool contested = false;
    event_cursor cursor;
    /// Who speaks for it, and who did before (only without binding).
    std::optional<std::uint64_t> publisher;
    std::optional<std::uint64_t> retired;
    std::optional<clock::time_point> proven;
    std::uint64_t gaps = 0;
    std::uint64_t missed = 0;
    std::uint64_t orphans = 0;
    std::optional<forward_pass_metrics> forward_pass;
  };

  struct parked_request {
    route_request request;
    clock::time_point since;
  };

  /// Everything that a choice is made from.
  struct ballot {
    std::vector<candidate_report> rows;
    /// Positions in `rows` of those that may be chosen.
    std::vector<std::size_t> open;
    std::vector<std::uint64_t> sequence;
  };

  using rank_map = std::map<worker_rank, rank_state>;

  rank_state* state_of(const worker_rank& rank);
  void make_member(rank_map::value_type& rank);
  void end_membership(const worker_rank& rank, rank_state& state);
  event_outcome apply_to(rank_state& state, const router_event& event,
                         clock::time_point now);
  event_outcome apply_data(rank_state& state, const router_event& event);
  apply_report apply_to_index(rank_state& state, const router_event& event);
  void adopt_orphans(rank_state& state, const worker_rank& rank,
                     const kv_stored& stored);
  bool note_id(rank_state& state, const router_event& event);
  void note_report(rank_state& state, const apply_report& report);
  bool speaks_for(std::uint64_t publisher_id, rank_state& state,
                  const worker_rank& rank);
  void apply_unbound(std::uint64_t publisher_id, const router_event& event,
                     clock::time_point now);
  void apply_early(std::uint64_t publisher_id, rank_state& state,
                   const worker_rank& rank, clock::time_point now);
  void reset(const worker_rank& rank, rank_state& state);
  void forget_if_unused(const worker_rank& rank);
  void leave(const worker_rank& rank, rank_state& state);
  std::vector<worker_rank> ranks_of(std::uint64_t publisher_id) const;
  std::vector<worker_rank> ranks_of_worker(std::uint64_t worker_id) const;

  void list_candidates(const route_request& request,
                       std::span<const rank_overlap> overlaps,
                       clock::time_point now, ballot& of) const;
  bool has_taints(const route_request& request, std::uint64_t worker_id) const;
  exclusion exclusion_of(const route_request& request, const worker_rank& rank,
                         const rank_state& state, bool all_cut_off) const;
  cost_input input_of(const route_request& request, const rank_overlap& overlap,
                      const rank_state& state, const ballot& of,
                      clock::time_point now) const;
  std::optional<route_refusal> refusal_of(const route_request& request,
                                          const ballot& of) const;
  bool must_wait(const ballot& of) const;
  void note_own_load(clock::time_point now);
  route_outcome decide(route_request& request,
                       std::span<const rank_overlap> overlaps,
                       clock::time_point now, double sample, bool may_park);
  route_outcome park(route_request& request, const ballot& of,
                     clock::time_point now);
  route_choice choice_of(const route_request& request, ballot& of,
                         std::size_t chosen) const;
  void book(const route_request& request, const candidate_report& chosen,
            std::vector<std::uint64_t> sequence, clock::time_point now);
  std::string reason_of(const route_request& request, const ballot& of,
                        std::size_t chosen) const;
  double preference_of(const route_request& request,
                       std::uint64_t worker_id) const;
  std::optional<std::uint64_t> owner_of(std::string_view request_id) const;
  const worker_profile* profile_of(std::uint64_t worker_id) const;
  double trust_of(const rank_state& state, const worker_rank& rank,
                  clock::time_point now) const;
  sync_state sync_of(const rank_state& state, const worker_rank& rank) const;
  rank_report report_of(const worker_rank& rank, const rank_state& state,
                        double bytes_per_block, clock::time_point now) const;

  router_options options_;
  std::uint32_t block_size_;
  std::uint64_t router_id_;
  /// Null where nothing is heard from caches, or nothing is predicted.
  std::shared_ptr<prefix_index> index_;
  std::shared_ptr<predictor> predictor_;
  source_table sources_;
  early_events early_;
  orphans orphans_;
  active_sequences requests_;
  overload_watch overload_;
  request_queue queue_;
  replica_sync replicas_;
  rank_map ranks_;
  /// Those of ranks_ that are members, in the same order: a choice goes through
  /// all of them.
  std::vector<rank_map::value_type*> members_;
  /// The last one, for its memory.
  ballot ballot_;
  /// Members.
  std::map<std::uint64_t, worker_profile> workers_;
  /// By id; their order is the queue's.
  std::unordered_map<std::string, parked_request> parked_;
  std::vector<std::string> cancelled_;
  /// Names of blocks that nobody shares, see tracking_options.
  std::uint64_t unshared_blocks_ = 0;
  router_counts counts_;
};

} // namespace dynamo
