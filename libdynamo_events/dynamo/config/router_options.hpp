#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

// The settings of a router; part of config/options.hpp and under its rules.

namespace dynamo {

/// What to do about a gap in a rank's event ids.
enum class gap_policy {
  /// Keep the rank's blocks and mark it partial.
  keep,
  /// Forget the rank's blocks, as Dynamo does.
  reset,
};

/// Weights of the cost function, spec: Dynamo's router at 1.5.
struct cost_options {
  double overlap_score_credit = 1.0;
  double overlap_score_credit_decay = 0;
  double prefill_load_scale = 1.0;
  double decode_active_request_weight = 0;
  double host_cache_hit_weight = 0.75;
  double disk_cache_hit_weight = 0.25;
  /// Worth of a block in a cache that all workers share, beyond those on the
  /// device (DYN_SHARED_CACHE_MULTIPLIER).
  double shared_cache_multiplier = 0;
  /// 0: the cheapest rank; above: the softer, the higher.
  double temperature = 0;
};

/// Whose kv-events count.
enum class source_policy {
  /// Those of publishers that an event_source record binds to their rank
  /// (Dynamo 1.4 and later); others' are kept until one does.
  bound,
  /// Those of unbound publishers too, for the rank that each event names
  /// (Dynamo up to 1.3).
  any,
};

/// What a stored event below a block that its rank does not hold becomes.
enum class orphan_policy {
  /// Kept until the parent arrives; the rank is partial meanwhile.
  hold,
  /// Skipped, as Dynamo does.
  skip,
};

/// What becomes of what lies below a block that a rank lost.
enum class removal_policy {
  /// It stays, unseen, and counts again when the block is back: the engine
  /// still has it.
  keep,
  /// What Dynamo 1.6 answers: the rest of the block's run goes along.
  cascade,
};

/// What happens when ranks give different names to the same block.
enum class conflict_policy {
  /// Each rank's own name counts for it.
  follow,
  /// The first name stays, as with Dynamo; the block then goes only with its
  /// rank.
  first,
};

/// Who speaks for a rank that two publishers advertise.
enum class incarnation_policy {
  /// The newer one, at once.
  newest,
  /// Neither, until one goes, as with Dynamo.
  none,
};

/// The prefix index. Blocks beyond its bounds are not indexed: counted, and
/// the rank is partial; beyond bytes_max the least useful ones make room.
struct index_options {
  orphan_policy orphans = orphan_policy::hold;
  removal_policy removal = removal_policy::keep;
  conflict_policy conflicts = conflict_policy::follow;
  incarnation_policy incarnations = incarnation_policy::newest;
  /// (rank, block) pairs of all tiers.
  std::uint64_t blocks_max = 67'108'864;
  std::size_t ranks_max = 16'384;
  /// Memory of the index; what was not matched for longest goes first.
  std::uint64_t bytes_max = 4ULL * 1024 * 1024 * 1024;
  /// Events held for parents: of each rank, and their blocks in all. Beyond
  /// them the oldest are dropped and counted.
  std::size_t orphans_per_rank_max = 1024;
  std::size_t orphan_blocks_max = 1'048'576;
};

/// Bounds of what the router remembers of requests in progress; beyond them
/// the oldest are forgotten and counted.
struct active_limits {
  std::size_t requests_max = 65'536;
  /// Blocks of all requests, shared ones counted each time.
  std::size_t blocks_max = 8'388'608;
};

/// Bounds of the events kept of publishers that are not bound yet; beyond them
/// a publisher's oldest are dropped and counted.
struct early_limits {
  /// Of each publisher, as Dynamo keeps them.
  std::size_t events_max = 1024;
  std::size_t publishers_max = 1024;
  /// Blocks in all of the events.
  std::size_t blocks_max = 1'048'576;
};

/// Prediction of what caches hold from the router's own decisions: instead of
/// kv-events, or beside them.
struct prediction_options {
  /// How long a block is believed to be cached after it was last used, without
  /// kv-events (DYN_ROUTER_TTL_SECS).
  std::chrono::milliseconds ttl{120'000};
  /// The same beside kv-events; 0: no prediction beside them
  /// (DYN_ROUTER_PREDICTED_TTL_SECS).
  std::chrono::milliseconds beside_events_ttl{0};
  /// Blocks, counted for each rank, above which those go that were not used
  /// for longest, down to prune_target_ratio of it. Dynamo 0.7 to 1.1.
  std::uint64_t tree_size_max = 1'048'576;
  double prune_target_ratio = 0.8;
};

/// In which order parked requests leave the queue.
enum class queue_policy {
  /// First come, first served.
  fcfs,
  /// Last come, first served.
  lcfs,
  /// Weighted shortest processing time: (1 + priority) / uncached tokens.
  wspt,
};

/// Requests wait in the router while every worker is busy with prefills.
struct queue_options {
  /// Of max_num_batched_tokens; 0: requests never wait
  /// (DYN_ROUTER_QUEUE_THRESHOLD).
  double threshold = 0;
  /// DYN_ROUTER_QUEUE_POLICY.
  queue_policy policy = queue_policy::fcfs;
  /// More are refused.
  std::size_t requests_max = 4096;
  /// One that waited so long is refused.
  std::chrono::milliseconds wait_max{60'000};
};

/// From which load on a worker gets no more requests; 0: no such limit.
struct overload_options {
  /// Of the blocks of its cache (DYN_ACTIVE_DECODE_BLOCKS_THRESHOLD).
  double decode_blocks_fraction = 0;
  /// DYN_ACTIVE_PREFILL_TOKENS_THRESHOLD.
  std::uint64_t prefill_tokens = 0;
  /// Of max_num_batched_tokens (DYN_ACTIVE_PREFILL_TOKENS_THRESHOLD_FRAC).
  double prefill_tokens_fraction = 0;
};

/// How much less the cached blocks of a rank count that cannot be trusted.
struct freshness_options {
  /// Events of the rank are missing.
  double partial_credit = 0.8;
  /// Its publisher cannot be heard; halves every stale_half_life since the
  /// last proof that what is known was current.
  double stale_credit = 0.5;
  std::chrono::milliseconds stale_half_life{30'000};
};

/// What is remembered of requests in progress.
struct tracking_options {
  /// Their prompt blocks count as load (DYN_ROUTER_TRACK_ACTIVE_BLOCKS).
  bool active_blocks = true;
  /// The blocks that they generate, too (DYN_ROUTER_TRACK_OUTPUT_BLOCKS).
  bool output_blocks = false;
  /// The prompt tokens that wait to be computed
  /// (DYN_ROUTER_TRACK_PREFILL_TOKENS).
  bool prefill_tokens = true;
  /// Requests with the same prefix share its blocks; false: each counts its
  /// own (DYN_ROUTER_ASSUME_KV_REUSE).
  bool assume_kv_reuse = true;
};

/// Routers that tell each other of their requests.
struct replica_options {
  /// DYN_ROUTER_REPLICA_SYNC.
  bool sync = false;
  /// How often a router says how many requests it has in progress, so that
  /// others can notice that they know something else.
  std::chrono::milliseconds summary_interval{500};
  /// What a router that is not heard any more had in progress is forgotten
  /// after this long. Only for routers that send summaries.
  std::chrono::milliseconds silence_max{5000};
  /// Events that wait to be published; beyond them the newest are dropped and
  /// counted, and the next summary repairs it. Dynamo's figure.
  std::size_t outgoing_max = 100'000;
  /// Other routers that are followed.
  std::size_t routers_max = 256;
};

/// When /readyz says yes.
struct readiness_options {
  /// Fraction of the sources in discovery that must be in sync.
  double sources_in_sync = 0;
  /// After this long the router is ready even so.
  std::chrono::milliseconds time_limit{30'000};
};

/// A second pool of workers that compute prompts, while those of the
/// deployment's own endpoint generate.
struct pools_options {
  /// Component and endpoint of the prefill workers; empty: one pool does both.
  std::string prefill_component;
  std::string prefill_endpoint = "generate";
};

struct router_options {
  gap_policy on_gap = gap_policy::keep;
  source_policy sources = source_policy::bound;
  cost_options cost;
  index_options index;
  active_limits active;
  early_limits early;
  prediction_options prediction;
  queue_options queue;
  overload_options overload;
  freshness_options freshness;
  tracking_options tracking;
  replica_options replicas;
  readiness_options readiness;
  pools_options pools;
  /// A request that is never reported as ended is dropped this long after it
  /// was last heard of (DYN_ROUTER_ACTIVE_REQUEST_EXPIRY_SECS).
  std::chrono::milliseconds request_ttl{300'000};
  /// What a worker holds is kept this long after its records are gone, in case
  /// it was only stopped; it is not chosen meanwhile. Dynamo forgets at once.
  std::chrono::milliseconds departed_ttl{60'000};
  /// Blocks of all requests in /route and /overlap; more are refused.
  std::size_t request_blocks_max = 65'536;
  /// Accepted and without effect (DYN_ROUTER_EVENT_THREADS): Dynamo applies
  /// events with so many threads, we with one, which is faster.
  std::size_t event_threads = 4;
};

} // namespace dynamo
