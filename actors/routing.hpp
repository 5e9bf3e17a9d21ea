#pragma once

#include "actors/event_plane.hpp"
#include "dynamo/router/kv_router.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
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
  /// The endpoint whose workers it routes to.
  scope owner;
  router_options options;
  std::uint32_t block_size = 16;
  /// False: kv-events are not followed.
  bool kv_events = true;
  /// Called for every new timeline entry; may be empty. Must not block.
  std::function<void(const timeline_entry&)> on_timeline;
};

/// A request that wants a worker.
struct route_query {
  std::string request_id;
  /// Local block hashes of its full blocks.
  std::vector<std::uint64_t> local;
  std::uint64_t prompt_tokens = 0;
  std::optional<std::uint32_t> expected_output_tokens;
};

/// Everything the router knows, but for the blocks.
struct router_report {
  std::vector<rank_report> ranks;
  router_counts counts;
  index_size index;
  /// The newest 1,024.
  std::vector<timeline_entry> timeline;
};

/// What one rank holds.
struct rank_blocks {
  rank_report rank;
  std::vector<held_block> blocks;
};

/// A router on an event plane, for programs that do not know CAF: follows
/// kv-events, load and membership of one endpoint. Thread-safe; every call
/// waits for the router's actor, at most five seconds, and then fails with
/// errc::unavailable.
class routing {
 public:
  /// `plane` outlives the routing.
  routing(event_plane& plane, router_plan plan);
  ~routing();
  routing(const routing&) = delete;
  routing& operator=(const routing&) = delete;

  /// Chooses a worker and books the request there.
  result<route_choice> choose(const route_query& query);

  /// The request's first token is there. False: it is not known.
  result<bool> prefilled(const std::string& request_id);

  /// The request is over. False: it is not known.
  result<bool> ended(const std::string& request_id);

  /// How much of a prompt each worker holds.
  result<std::vector<rank_overlap>>
  overlaps(const std::vector<std::uint64_t>& local);

  result<router_report> report();
  result<std::vector<rank_blocks>> index();

 private:
  struct implementation;
  std::unique_ptr<implementation> parts_;
};

} // namespace dynamo::actors
