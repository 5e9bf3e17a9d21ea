#pragma once

#include "actors/event_plane.hpp"
#include "dynamo/router/kv_router.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dynamo::actors {

/// One step in the life of the cluster, as the router saw it.
struct timeline_entry {
  std::uint64_t time_ms = 0;
  /// worker_joined, worker_left, worker_removed, stream_gap,
  /// stream_restarted, stream_unreadable, connection_lost, ...
  std::string what;
  /// 0 when it is about no worker.
  std::uint64_t worker_id = 0;
  /// 0 when it is about no publisher.
  std::uint64_t publisher_id = 0;
  std::string detail;
};

/// What a router is made for.
struct router_plan {
  /// The endpoint whose workers it routes to. With pools_options that of the
  /// workers which generate; those which compute prompts are in the same
  /// namespace.
  scope owner;
  router_options options;
  std::uint32_t block_size = 16;
  /// False: kv-events are not followed, what caches hold is predicted.
  bool kv_events = true;
  /// Called for every new timeline entry; may be empty. Must not block.
  std::function<void(const timeline_entry&)> on_timeline;
};

/// Who computes the prompt of a request, and who generates.
enum class route_mode {
  /// There is one pool: one worker does both.
  aggregated,
  /// A prefill worker, then a decode worker.
  disaggregated,
  /// The prefill pool is empty: a decode worker does both.
  decode_only,
  /// The decode pool is empty: a prefill worker does both.
  prefill_only,
};

/// "aggregated", "disaggregated", "decode_only", "prefill_only".
std::string_view to_string(route_mode mode);

/// Where a request goes.
struct routed {
  route_mode mode = route_mode::aggregated;
  /// The worker that generates.
  route_choice choice;
  /// The one that computes the prompt, when that is another.
  std::optional<route_choice> prefill;
  /// Why it is not as configured; empty when it is.
  std::string fallback;
};

/// One pool of workers as its router sees it, but for the blocks.
struct pool_report {
  scope owner;
  pool_role role = pool_role::both;
  std::vector<rank_report> ranks;
  router_counts counts;
  index_size index;
  std::vector<replica_report> replicas;
  std::size_t members = 0;
  /// Requests that wait for capacity.
  std::size_t parked = 0;
  /// Publishers of kv-events in discovery, and those of them whose ranks are
  /// in sync; a source that has said nothing yet is, once it is connected.
  std::size_t sources = 0;
  std::size_t sources_in_sync = 0;
  /// Messages that other routers sent and that got lost.
  std::uint64_t sequence_gaps = 0;
};

/// Everything the router knows, but for the blocks.
struct router_report {
  /// The decode workers, or all; then the prefill workers, if they are apart.
  std::vector<pool_report> pools;
  /// The newest 1,024.
  std::vector<timeline_entry> timeline;
};

/// What one rank holds.
struct rank_blocks {
  rank_report rank;
  std::vector<held_block> blocks;
};

/// Requests in progress of one pool.
struct pool_requests {
  scope owner;
  std::uint64_t router_id = 0;
  std::vector<booked_request> requests;
};

/// A router on an event plane, for programs that do not know CAF: follows
/// kv-events, load, sequences and membership of one endpoint or of two pools.
/// Thread-safe. Calls wait for the router's actor, at most five seconds, and
/// then fail with errc::unavailable; `choose` also waits for capacity, at most
/// queue_options::wait_max.
class routing {
 public:
  /// `plane` outlives the routing.
  routing(event_plane& plane, router_plan plan);
  ~routing();
  routing(const routing&) = delete;
  routing& operator=(const routing&) = delete;

  /// Chooses workers and books the request there.
  result<std::variant<routed, route_refusal>> choose(route_request request);

  /// The request's first token is there. False: it is not known.
  result<bool> prefilled(const std::string& request_id);

  /// The request has generated one more block; `progress` in [0, 1] says how
  /// far it has come. False: it is not known.
  result<bool> output_block(const std::string& request_id,
                            std::optional<double> progress);

  /// The request is over. False: it is not known.
  result<bool> ended(const std::string& request_id);

  /// How much of a prompt each worker holds, members or not; looked up in the
  /// calling thread. The pool that computes prompts, if there are two.
  std::vector<rank_overlap>
  overlaps(std::span<const std::uint64_t> local) const;

  result<router_report> report();
  /// Of both pools.
  result<std::vector<rank_blocks>> index();
  result<std::vector<pool_requests>> requests();

 private:
  struct implementation;
  std::unique_ptr<implementation> parts_;
};

} // namespace dynamo::actors
