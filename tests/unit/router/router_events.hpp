#pragma once

#include "dynamo/router/kv_router.hpp"

#include <string>
#include <utility>
#include <variant>
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

inline kv_router make_router(router_options options = {},
                             cache_view view = cache_view::events) {
  return kv_router{options, 16, view, 99};
}

/// A worker with the ranks [first, first + count).
inline status add_worker(kv_router& router, std::uint64_t worker_id,
                         std::uint32_t first, std::uint32_t count,
                         std::string endpoint = {}) {
  worker_profile profile;
  profile.endpoint = std::move(endpoint);
  profile.first_rank = first;
  profile.rank_count = count;
  return router.add_worker(worker_id, std::move(profile));
}

/// Workers 1 and 2 with a rank each.
inline kv_router with_two_workers(router_options options = {},
                                  cache_view view = cache_view::events) {
  kv_router router = make_router(options, view);
  REQUIRE(add_worker(router, 1, 0, 1, "http://one"));
  REQUIRE(add_worker(router, 2, 0, 1, "http://two"));
  return router;
}

inline route_request request(std::string id, const hashes& local) {
  route_request made;
  made.request_id = std::move(id);
  made.local = local;
  return made;
}

/// The choice that is expected.
inline route_choice choose(kv_router& router, route_request request,
                           clock::time_point now = start, double sample = 0) {
  route_outcome outcome = router.route(std::move(request), now, sample);
  REQUIRE(std::holds_alternative<route_choice>(outcome));
  return std::get<route_choice>(std::move(outcome));
}

/// Why there is none.
inline refusal refused(kv_router& router, route_request request,
                       clock::time_point now = start) {
  const route_outcome outcome = router.route(std::move(request), now, 0);
  REQUIRE(std::holds_alternative<route_refusal>(outcome));
  return std::get<route_refusal>(outcome).why;
}

inline rank_report report_of(const kv_router& router, const worker_rank& rank) {
  for (const rank_report& report : router.ranks(start)) {
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
