#include <chrono>

#include "unit/router/router_events.hpp"

using namespace dynamo;
using namespace dynamo::testing;
using namespace std::chrono_literals;

// -- Choosing

TEST_CASE("choose is unavailable without members") {
  kv_router router = make_router();
  router.apply(stored(one, 1, {1}));
  CHECK(refused(router, request("r", prompt)) == refusal::no_worker);
}

TEST_CASE("choose takes the rank that holds most, and says why") {
  kv_router router = with_two_workers();
  router.apply(stored(two, 1, {1, 2, 3}));
  const auto choice = choose(router, request("r", prompt));
  CHECK(choice.rank == two);
  CHECK(choice.endpoint == "http://two");
  CHECK(choice.overlap_blocks == 3);
  CHECK(choice.request_blocks == 4);
  CHECK(choice.candidates == 2);
  CHECK(choice.cost.total == 1 + 4);
  CHECK(choice.reason == "cheapest of 2 ranks: 3 of 4 blocks cached, 0 blocks "
                         "of work queued");
}

TEST_CASE("choose passes over a rank whose publisher is cut off") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(7, two, start));
  router.apply_events(7, {stored(two, 1, {1, 2, 3})}, start);
  CHECK(router.cut_off(7));
  CHECK(choose(router, request("a", prompt)).rank == one);

  SECTION("until it is connected again") {
    CHECK(router.reconnect(7, start));
    CHECK(choose(router, request("b", prompt)).rank == two);
  }
  SECTION("until its next event") {
    router.apply_events(7, {stored(two, 2, {4}, 3)}, start);
    CHECK(choose(router, request("b", prompt)).rank == two);
  }
  SECTION("until another publisher speaks for it") {
    REQUIRE(router.bind_source(8, two, start));
    router.apply_events(8, {stored(two, 1, {1, 2, 3})}, start);
    CHECK(choose(router, request("b", prompt)).rank == two);
  }
  SECTION("unless all are") {
    router.remove_worker(1);
    CHECK(choose(router, request("b", prompt)).rank == two);
  }
}

TEST_CASE("cut_off does not know a publisher that is not bound") {
  kv_router router = with_two_workers();
  CHECK_FALSE(router.cut_off(7));
  CHECK_FALSE(router.reconnect(7, start));
}

TEST_CASE("choose books what it chose") {
  kv_router router = with_two_workers();
  router.apply(stored(two, 1, {1, 2, 3}));
  choose(router, request("r", prompt));
  CHECK(report_of(router, two).load == rank_load{.active_requests = 1,
                                                 .active_prefill_tokens = 16,
                                                 .active_decode_blocks = 4,
                                                 .expected_output_tokens = 0});
  CHECK(router.mark_prefill_completed("r", start));
  CHECK(report_of(router, two).load.active_prefill_tokens == 0);
  CHECK(router.free("r", start));
  CHECK(report_of(router, two).load == rank_load{});
  CHECK_FALSE(router.free("r", start));
}

TEST_CASE("choose spreads unrelated requests over equal ranks") {
  kv_router router = with_two_workers();
  const hashes other{201, 202, 203};
  const auto first = choose(router, request("a", prompt));
  const auto second = choose(router, request("b", other));
  CHECK(first.reason.starts_with("one of 2 equally cheap of 2 ranks: "));
  CHECK(first.rank != second.rank);
}

TEST_CASE("choose lets chance decide between equals") {
  kv_router low = with_two_workers();
  CHECK(choose(low, request("a", prompt), start, 0.2).rank == one);
  kv_router high = with_two_workers();
  CHECK(choose(high, request("a", prompt), start, 0.7).rank == two);
}

TEST_CASE("choose names queued work and the lower tiers") {
  kv_router router = make_router();
  REQUIRE(add_worker(router, 1, 0, 1, ""));
  router_event lower = stored(one, 1, {1, 2});
  lower.tier = storage_tier::disk;
  router.apply(lower);
  route_request first = request("a", {});
  first.prompt_tokens = 56;
  choose(router, first);
  const auto choice = choose(router, request("b", prompt));
  CHECK(choice.reason == "the only rank: 0 of 4 blocks cached and 2 in lower "
                         "tiers, 3.5 blocks of work queued");
}

TEST_CASE("choose refuses a request with too many blocks") {
  router_options options;
  options.request_blocks_max = 3;
  kv_router router = with_two_workers(options);
  CHECK(refused(router, request("r", prompt)) == refusal::too_large);
}

TEST_CASE("requests that nobody frees expire") {
  kv_router router = with_two_workers();
  choose(router, request("r", prompt));
  CHECK(router.expire(start + 299s) == 0);
  CHECK(router.expire(start + 300s) == 1);
  CHECK(router.requests() == 0);
  CHECK(router.counts().requests.expired == 1);
}

// -- Members

TEST_CASE("blocks known before a worker joins become usable when it does") {
  kv_router router = make_router();
  router.apply(stored(one, 1, {1, 2}));
  CHECK(router.overlaps(prompt).empty());
  REQUIRE(add_worker(router, 1, 0, 1, ""));
  CHECK(router.overlaps(prompt) == std::vector<rank_overlap>{{one, 2, 2, 2}});
}

TEST_CASE("a removed worker goes with its blocks and requests") {
  kv_router router = with_two_workers();
  router.apply(stored(one, 1, {1, 2}));
  choose(router, request("r", prompt));
  CHECK(router.remove_worker(1));
  CHECK(device_blocks(router, one) == 0);
  CHECK_FALSE(router.free("r", start));
  CHECK(router.members() == 1);
  CHECK(router.ranks(start).size() == 1);
  CHECK_FALSE(router.remove_worker(1));
}

TEST_CASE("a worker that was removed under its living source is partial") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(50, one, start));
  router.apply_events(50, {stored(one, 1, {1})}, start);
  router.remove_worker(1);
  CHECK(report_of(router, one).sync == sync_state::partial);
  CHECK_FALSE(report_of(router, one).member);
}

TEST_CASE("a worker added again has its new ranks and endpoint") {
  kv_router router = make_router();
  REQUIRE(add_worker(router, 1, 0, 3, "old"));
  router.apply(stored({1, 0}, 1, {1}));
  router.apply(stored({1, 2}, 1, {1}));
  REQUIRE(add_worker(router, 1, 1, 2, "new"));
  CHECK(router.members() == 2);
  CHECK(device_blocks(router, {1, 0}) == 0);
  CHECK(device_blocks(router, {1, 2}) == 1);
  CHECK(report_of(router, {1, 1}).endpoint == "new");
}

TEST_CASE("ranks beyond the limit are refused") {
  router_options options;
  options.index.ranks_max = 2;
  kv_router router = make_router(options);
  REQUIRE(add_worker(router, 1, 0, 2, ""));
  CHECK(add_worker(router, 1, 0, 3, "").error().code == errc::too_large);
  CHECK(add_worker(router, 2, 0, 0xffffffff, "").error().code ==
        errc::too_large);
  CHECK(add_worker(router, 2, 5, 0xffffffff, "").error().code == errc::invalid);
  CHECK(router.bind_source(50, two, start).error().code == errc::too_large);
  CHECK(router.apply(stored(two, 1, {1})) == event_outcome::full);
  CHECK(router.ranks(start).size() == 2);
}

TEST_CASE("loads merge field by field, for members only") {
  kv_router router = with_two_workers();
  active_load load;
  load.worker_id = 1;
  load.kv_used_blocks = 70;
  CHECK(router.merge_load(load, start));
  load.kv_used_blocks.reset();
  load.active_decode_blocks = 5;
  CHECK(router.merge_load(load, start));
  const auto merged = report_of(router, one).reported;
  REQUIRE(merged);
  CHECK(merged->kv_used_blocks == 70U);
  CHECK(merged->active_decode_blocks == 5U);
  load.worker_id = 9;
  CHECK_FALSE(router.merge_load(load, start));
  CHECK(router.counts().loads_ignored == 1);
}

// -- Event ids and what can be trusted

TEST_CASE("a rank is in sync from its first event on") {
  kv_router router = with_two_workers();
  CHECK(report_of(router, one).sync == sync_state::waiting);
  router.apply(stored(one, 1, {1}));
  CHECK(report_of(router, one).sync == sync_state::in_sync);
  CHECK(report_of(router, one).last_event_id == 1U);
}

TEST_CASE("a rank whose first event is not the first of all is partial") {
  kv_router router = with_two_workers();
  router.apply(stored(one, 40, {1}));
  CHECK(report_of(router, one).sync == sync_state::partial);
  CHECK(router.counts().gaps == 0);
}

TEST_CASE("a stale event is dropped") {
  kv_router router = with_two_workers();
  router.apply(stored(one, 2, {1}));
  CHECK(router.apply(stored(one, 2, {2})) == event_outcome::stale);
  CHECK(device_blocks(router, one) == 1);
  CHECK(router.counts().stale == 1);
}

TEST_CASE("a gap keeps the blocks and marks the rank partial") {
  kv_router router = with_two_workers();
  router.apply(stored(one, 1, {1}));
  router.apply(stored(one, 5, {2}, 1));
  CHECK(device_blocks(router, one) == 2);
  const rank_report report = report_of(router, one);
  CHECK(report.sync == sync_state::partial);
  CHECK(report.gaps == 1);
  CHECK(report.missed == 3);
}

TEST_CASE("a gap forgets the blocks when the options say so") {
  router_options options;
  options.on_gap = gap_policy::reset;
  kv_router router = with_two_workers(options);
  router.apply(stored(one, 1, {1}));
  CHECK(router.apply(stored(one, 5, {2}, 1)) == event_outcome::held);
  router.apply(stored(one, 6, {3}));
  CHECK(device_blocks(router, one) == 1);
  CHECK(report_of(router, one).sync == sync_state::partial);
}

TEST_CASE("a clear makes a partial rank in sync again") {
  kv_router router = with_two_workers();
  router.apply(stored(one, 9, {1}));
  router.apply(cleared(one, 10));
  CHECK(report_of(router, one).sync == sync_state::in_sync);
}

TEST_CASE("an orphan makes its rank partial, and is counted") {
  kv_router router = with_two_workers();
  router.apply(stored(one, 1, {2}, 1));
  CHECK(report_of(router, one).sync == sync_state::partial);
  CHECK(report_of(router, one).orphans == 1);
  CHECK(router.counts().orphans.held == 1);
}

TEST_CASE("a stale rank is trusted again from its next event on") {
  kv_router router = with_two_workers();
  router.apply(stored(one, 1, {1}));
  CHECK(router.mark(one, sync_state::stale));
  CHECK(report_of(router, one).sync == sync_state::stale);
  router.apply(stored(one, 2, {2}));
  CHECK(report_of(router, one).sync == sync_state::in_sync);
}

TEST_CASE("marks repair and degrade a source's rank") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(50, one, start));
  router.apply_events(50, {stored(one, 1, {1})}, start);
  CHECK(router.mark_source(50, sync_state::partial));
  CHECK(report_of(router, one).sync == sync_state::partial);
  CHECK(router.mark_source(50, sync_state::stale));
  router.apply_events(50, {stored(one, 2, {2})}, start);
  CHECK(report_of(router, one).sync == sync_state::partial);
  CHECK(router.mark_source(50, sync_state::in_sync));
  CHECK(report_of(router, one).sync == sync_state::in_sync);
  CHECK_FALSE(router.mark_source(51, sync_state::stale));
  CHECK_FALSE(router.mark({9, 9}, sync_state::stale));
}
