#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/load.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/router/active_sequences.hpp"
#include "dynamo/router/cost.hpp"
#include "dynamo/router/early_events.hpp"
#include "dynamo/router/event_cursor.hpp"
#include "dynamo/router/prefix_index.hpp"
#include "dynamo/router/source_table.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// How far what the router holds of a rank can be trusted.
enum class sync_state {
  /// No event has arrived yet.
  waiting,
  /// Every event since the rank's first was applied.
  in_sync,
  /// Events are missing, or one could not be applied.
  partial,
  /// The connection is lost: what is held may be old.
  stale,
};

/// "waiting", "in_sync", "partial", "stale".
std::string_view to_string(sync_state state);

/// What became of one event.
enum class event_outcome {
  applied,
  duplicate,
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
  /// Its publisher is not bound yet: kept until it is.
  kept,
  /// An event names another rank than its publisher's: all dropped.
  disagrees,
  /// A newer publisher speaks for the rank: all dropped.
  superseded,
};

/// Totals since construction; events unless said otherwise.
struct router_counts {
  /// Without loss, duplicates and removals of unknown blocks included.
  std::uint64_t applied = 0;
  std::uint64_t parent_unknown = 0;
  std::uint64_t invalid = 0;
  std::uint64_t full = 0;
  std::uint64_t stale = 0;
  std::uint64_t ignored = 0;
  /// Of publishers whose rank a newer one speaks for.
  std::uint64_t superseded = 0;
  /// In messages that disagree with their source.
  std::uint64_t disagreeing = 0;
  /// Of unbound publishers, lost to a limit.
  std::uint64_t early_dropped = 0;
  /// Of unbound publishers, kept now.
  std::uint64_t early_kept = 0;
  /// Holes in the event ids of ranks, and events that fell into them.
  std::uint64_t gaps = 0;
  std::uint64_t missed = 0;
  std::uint64_t duplicate_blocks = 0;
  std::uint64_t unknown_blocks = 0;
  std::uint64_t conflicting_blocks = 0;
  /// Loads of ranks that are no members.
  std::uint64_t loads_ignored = 0;
  std::uint64_t chosen = 0;
  active_counts requests;
};

/// A request that wants a rank.
struct route_request {
  std::string request_id;
  /// Local block hashes of its full blocks; borrowed for the call.
  std::span<const std::uint64_t> local;
  /// 0: as many as the blocks hold.
  std::uint64_t prompt_tokens = 0;
  std::optional<std::uint32_t> expected_output_tokens;
};

/// Where a request goes, and why.
struct route_choice {
  worker_rank rank;
  /// As given to add_worker.
  std::string endpoint;
  /// Leading blocks on the rank's device.
  std::uint32_t overlap_blocks = 0;
  /// With the lower tiers.
  rank_overlap overlap;
  std::uint64_t request_blocks = 0;
  std::size_t candidates = 0;
  cost_terms cost;
  /// "cheapest of 4 ranks: 12 of 14 blocks cached, 3.5 blocks of work queued".
  std::string reason;
};

/// One rank as the router sees it.
struct rank_report {
  worker_rank rank;
  /// Whether its worker was added: only then it is chosen.
  bool member = false;
  std::string endpoint;
  sync_state sync = sync_state::waiting;
  std::optional<std::uint64_t> publisher_id;
  std::optional<std::uint64_t> last_event_id;
  std::uint64_t gaps = 0;
  std::uint64_t missed = 0;
  /// Events that named a parent which the rank does not hold.
  std::uint64_t orphans = 0;
  tier_counts blocks{};
  /// From the requests that were sent there.
  rank_load load;
  /// As the worker says.
  std::optional<active_load> reported;
};

/// Holds what ranks hold and do, and chooses among them. Everything comes in
/// as values: events, membership, time, chance.
class kv_router {
 public:
  kv_router(const router_options& options, std::uint32_t block_size);

  // -- What ranks hold

  /// The publisher speaks for the rank from now on; what it said before is
  /// applied. A publisher that spoke for the rank until now is superseded and
  /// the rank's blocks are forgotten. errc::too_large at a limit.
  status bind_source(std::uint64_t publisher_id, const worker_rank& rank);

  /// The publisher is gone, and its rank's blocks with it, unless a newer
  /// publisher speaks for the rank. False when it was unknown.
  bool unbind_source(std::uint64_t publisher_id);

  /// The publisher began again: what it said is void. False when unknown.
  bool reset_source(std::uint64_t publisher_id);

  /// Applies one kv-events message, or keeps it, or drops it whole.
  batch_outcome apply_events(std::uint64_t publisher_id,
                             const kv_events& batch);

  /// Applies one event, whoever sent it.
  event_outcome apply(const router_event& event);

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
  bool reconnect(std::uint64_t publisher_id);

  // -- Who may be chosen

  /// Makes a worker's ranks [first_rank, first_rank + rank_count) members;
  /// what is known of them from events is kept. Again: replaces the former
  /// ranks and endpoint. errc::too_large at a limit.
  status add_worker(std::uint64_t worker_id, std::uint32_t first_rank,
                    std::uint32_t rank_count, std::string endpoint);

  /// Forgets a worker with its blocks and requests. False when unknown.
  bool remove_worker(std::uint64_t worker_id);

  /// The worker is not chosen any more and its requests are over, but what it
  /// holds is kept: it may come back (add_worker) or not (remove_worker).
  /// False when it is no member.
  bool suspend_worker(std::uint64_t worker_id);

  /// Takes over the fields that are there. False when the rank is no member.
  bool merge_load(const active_load& load);

  // -- Requests

  /// Chooses a rank and books the request there. `sample` in [0, 1) decides
  /// between equals. errc::unavailable without members, errc::too_large for
  /// more than request_blocks_max blocks.
  result<route_choice> choose(const route_request& request,
                              clock::time_point now, double sample);

  /// Both return false when the request is unknown.
  bool mark_prefill_completed(std::string_view request_id);
  bool free(std::string_view request_id);

  /// Drops requests that are older than request_ttl; says how many.
  std::size_t expire(clock::time_point now);

  // -- Pictures

  /// Members that hold any leading blocks, in ascending order.
  std::vector<rank_overlap>
  overlaps(std::span<const std::uint64_t> local) const;

  /// All ranks that are members or known from events, in ascending order.
  std::vector<rank_report> ranks() const;
  std::vector<held_block> blocks(const worker_rank& rank) const;
  index_size index() const { return index_.size(); }
  std::size_t members() const;
  std::size_t requests() const { return requests_.size(); }
  router_counts counts() const;

 private:
  struct rank_state {
    bool member = false;
    event_cursor cursor;
    bool partial = false;
    bool stale = false;
    bool cut_off = false;
    /// Who speaks for it, and who did before (only without binding).
    std::optional<std::uint64_t> publisher;
    std::optional<std::uint64_t> retired;
    std::uint64_t gaps = 0;
    std::uint64_t missed = 0;
    std::uint64_t orphans = 0;
    std::optional<active_load> reported;
  };

  struct candidate {
    worker_rank rank;
    cost_input input;
    cost_terms cost;
  };

  rank_state* state_of(const worker_rank& rank);
  event_outcome apply_to(rank_state& state, const router_event& event);
  bool note_id(rank_state& state, const router_event& event);
  void note_report(rank_state& state, const apply_report& report);
  bool speaks_for(std::uint64_t publisher_id, rank_state& state,
                  const worker_rank& rank);
  void apply_unbound(std::uint64_t publisher_id, const router_event& event);
  void reset(const worker_rank& rank, rank_state& state);
  void forget_if_unused(const worker_rank& rank);
  void leave(const worker_rank& rank, rank_state& state);
  std::vector<worker_rank> ranks_of(std::uint64_t publisher_id) const;
  std::vector<candidate>
  candidates(const route_request& request,
             std::span<const std::uint64_t> sequence) const;
  std::string reason_of(const candidate& chosen,
                        std::span<const double> costs) const;
  std::string endpoint_of(const worker_rank& rank) const;
  static sync_state sync_of(const rank_state& state);

  router_options options_;
  std::uint32_t block_size_;
  prefix_index index_;
  source_table sources_;
  early_events early_;
  active_sequences requests_;
  std::map<worker_rank, rank_state> ranks_;
  /// Endpoints of members.
  std::map<std::uint64_t, std::string> workers_;
  router_counts counts_;
};

} // namespace dynamo
