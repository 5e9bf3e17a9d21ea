#pragma once

#include "dynamo/router/kv_router.hpp"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

// Short ways to write events and requests: block b has the local hash 100 + b.

namespace dynamo::testing {

using hashes = std::vector<std::uint64_t>;

inline const clock::time_point start{};
inline const worker_rank one{1, 0};
inline const worker_rank two{2, 0};

/// Blocks b with local hash 100 + b, one after the other.
inline router_event stored(worker_rank rank, std::uint64_t event_id,
                           hashes blocks,
                           std::optional<std::uint64_t> parent = {}) {
  kv_stored made;
  made.parent_hash = parent;
  for (const std::uint64_t block : blocks)
    made.blocks.push_back({block, 100 + block, {}});
  router_event event;
  event.worker_id = rank.worker_id;
  event.event = {event_id, made, rank.dp_rank};
  return event;
}

inline router_event cleared(worker_rank rank, std::uint64_t event_id) {
  router_event event;
  event.worker_id = rank.worker_id;
  event.event = {event_id, kv_cleared{}, rank.dp_rank};
  return event;
}

inline kv_router make_router(router_options options = {}) {
  return kv_router{options, 16};
}

/// Workers 1 and 2 with a rank each.
inline kv_router with_two_workers(router_options options = {}) {
  kv_router router = make_router(options);
  REQUIRE(router.add_worker(1, 0, 1, "http://one"));
  REQUIRE(router.add_worker(2, 0, 1, "http://two"));
  return router;
}

inline route_request request(std::string id, const hashes& local) {
  return {.request_id = std::move(id),
          .local = local,
          .prompt_tokens = 0,
          .expected_output_tokens = {}};
}

inline rank_report report_of(const kv_router& router, const worker_rank& rank) {
  for (const rank_report& report : router.ranks()) {
    if (report.rank == rank)
      return report;
  }
  FAIL("no such rank");
  return {};
}

inline std::uint64_t device_blocks(const kv_router& router,
                                   const worker_rank& rank) {
  return router.blocks(rank).size();
}

inline const hashes prompt{101, 102, 103, 104};

} // namespace dynamo::testing
