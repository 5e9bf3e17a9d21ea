#include <algorithm>
#include <random>

#include "unit/router/router_events.hpp"

using namespace dynamo;
using namespace dynamo::testing;

namespace {

router_event removed(worker_rank rank, std::uint64_t event_id, hashes blocks) {
  router_event event;
  event.worker_id = rank.worker_id;
  event.event = {event_id, kv_removed{std::move(blocks)}, rank.dp_rank};
  return event;
}

std::uint32_t overlap_of(const kv_router& router) {
  const auto rows = router.overlaps(prompt);
  return rows.empty() ? 0 : rows.front().device;
}

} // namespace

TEST_CASE("an orphan is adopted when its parent arrives") {
  kv_router router = with_two_workers();
  CHECK(router.apply(stored(one, 1, {3, 4}, 2)) == event_outcome::held);
  CHECK(overlap_of(router) == 0);
  CHECK(report_of(router, one).sync == sync_state::partial);
  CHECK(report_of(router, one).orphans_held == 1);
  CHECK(router.apply(stored(one, 2, {1, 2})) == event_outcome::applied);
  CHECK(overlap_of(router) == 4);
  CHECK(report_of(router, one).sync == sync_state::in_sync);
  CHECK(router.counts().orphans.adopted == 1);
}

TEST_CASE("an orphan of an orphan is adopted with it") {
  kv_router router = with_two_workers();
  router.apply(stored(one, 1, {4}, 3));
  router.apply(stored(one, 2, {2, 3}, 1));
  CHECK(report_of(router, one).orphans_held == 2);
  router.apply(stored(one, 3, {1}));
  CHECK(overlap_of(router) == 4);
  CHECK(report_of(router, one).orphans_held == 0);
}

TEST_CASE("an orphan waits for its own rank's parent") {
  kv_router router = with_two_workers();
  router.apply(stored(one, 1, {2}, 1));
  router.apply(stored(two, 1, {1}));
  CHECK(report_of(router, one).orphans_held == 1);
  CHECK(device_blocks(router, one) == 0);
}

TEST_CASE("a removal reaches what is held") {
  kv_router router = with_two_workers();
  router.apply(stored(one, 1, {3, 4}, 2));
  CHECK(router.apply(removed(one, 2, {4})) == event_outcome::applied);
  router.apply(stored(one, 3, {1, 2}));
  CHECK(overlap_of(router) == 3);
  CHECK(router.counts().unknown_blocks == 0);
}

TEST_CASE("a clear, a new source and a repair end the waiting") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(7, one, start));
  router.apply_events(7, {stored(one, 1, {2}, 1)}, start);
  SECTION("clear") {
    router.apply_events(7, {cleared(one, 2)}, start);
    CHECK(report_of(router, one).sync == sync_state::in_sync);
  }
  SECTION("source") {
    REQUIRE(router.bind_source(8, one, start));
    CHECK(report_of(router, one).sync == sync_state::waiting);
  }
  SECTION("repair") {
    router.mark(one, sync_state::in_sync);
    CHECK(report_of(router, one).sync == sync_state::in_sync);
  }
  CHECK(report_of(router, one).orphans_held == 0);
}

TEST_CASE("an orphan lost to a limit leaves its rank partial for good") {
  router_options options;
  options.index.orphans_per_rank_max = 1;
  kv_router router = with_two_workers(options);
  router.apply(stored(one, 1, {3}, 2));
  router.apply(stored(one, 2, {4}, 3));
  router.apply(stored(one, 3, {1, 2}));
  CHECK(report_of(router, one).orphans_held == 1);
  CHECK(report_of(router, one).sync == sync_state::partial);
  CHECK(router.counts().orphans.dropped == 1);
  CHECK(router.apply(cleared(one, 4)) == event_outcome::applied);
  CHECK(report_of(router, one).sync == sync_state::in_sync);
}

TEST_CASE("orphan_policy::skip does as Dynamo does") {
  router_options options;
  options.index.orphans = orphan_policy::skip;
  kv_router router = with_two_workers(options);
  CHECK(router.apply(stored(one, 1, {2}, 1)) == event_outcome::parent_unknown);
  router.apply(stored(one, 2, {1}));
  CHECK(overlap_of(router) == 1);
  CHECK(router.counts().parent_unknown == 1);
}

TEST_CASE("the order in which a tree is stored makes no difference") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random{seed};
    // A random tree of 60 blocks: each hangs below an earlier one or the root.
    std::vector<router_event> events;
    for (std::uint64_t block = 1; block <= 60; ++block) {
      const std::uint64_t parent = random() % block;
      events.push_back(
          stored(one, block, {block},
                 parent == 0 ? std::nullopt : std::optional{parent}));
    }
    kv_router in_order = with_two_workers();
    for (const router_event& event : events)
      in_order.apply(event);
    std::shuffle(events.begin(), events.end(), random);
    kv_router shuffled = with_two_workers();
    std::uint64_t event_id = 0;
    for (router_event& event : events) {
      event.event.event_id = ++event_id;
      shuffled.apply(event);
    }
    const auto contents = [](const kv_router& router) {
      auto held = router.blocks(one);
      std::sort(held.begin(), held.end(), [](const auto& a, const auto& b) {
        return a.block_hash < b.block_hash;
      });
      return held;
    };
    REQUIRE(contents(in_order) == contents(shuffled));
    REQUIRE(report_of(shuffled, one).sync == sync_state::in_sync);
  }
}

// -- Two publishers of one rank

TEST_CASE("incarnation_policy::none lets neither of two publishers count") {
  router_options options;
  options.index.incarnations = incarnation_policy::none;
  kv_router router = with_two_workers(options);
  REQUIRE(router.bind_source(50, one, start));
  router.apply_events(50, {stored(one, 1, {1})}, start);
  REQUIRE(router.bind_source(51, one, start));
  CHECK(device_blocks(router, one) == 0);
  CHECK(report_of(router, one).contested);
  CHECK(router.apply_events(50, {stored(one, 2, {2})}, start) ==
        batch_outcome::kept);
  CHECK(router.apply_events(51, {stored(one, 1, {3})}, start) ==
        batch_outcome::kept);
  CHECK(device_blocks(router, one) == 0);

  SECTION("the newer one carries on with what it said meanwhile") {
    CHECK(router.unbind_source(50, start));
    CHECK(router.blocks(one).front().block_hash == 3);
  }
  SECTION("and so does the older one") {
    CHECK(router.unbind_source(51, start));
    CHECK(router.blocks(one).front().block_hash == 2);
  }
  CHECK_FALSE(report_of(router, one).contested);
  CHECK(device_blocks(router, one) == 1);
}
