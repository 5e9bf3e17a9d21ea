#include "unit/router/router_events.hpp"

using namespace dynamo;
using namespace dynamo::testing;

// -- Residency domains

TEST_CASE("events of residencies that are not followed are ignored") {
  const auto domain =
      GENERATE(residency_domain::unsupported, residency_domain::invalid,
               residency_domain::cache_owner);
  kv_router router = with_two_workers();
  router_event event = stored(one, 1, {1});
  event.domain = domain;
  CHECK(router.apply(event) == event_outcome::ignored);
  CHECK(router.counts().ignored == 1);
  CHECK(device_blocks(router, one) == 0);
  // Their ids count: what follows is no gap.
  router.apply(stored(one, 2, {1}));
  CHECK(report_of(router, one).sync == sync_state::in_sync);
}

TEST_CASE("a cache owner's lower tiers are followed") {
  kv_router router = with_two_workers();
  router_event event = stored(one, 1, {1});
  event.domain = residency_domain::cache_owner;
  event.tier = storage_tier::host_pinned;
  CHECK(router.apply(event) == event_outcome::applied);
  CHECK(router.overlaps(prompt) == std::vector<rank_overlap>{{one, 0, 1, 1}});
}

// -- Sources

TEST_CASE("events of an unbound publisher wait until it is bound") {
  kv_router router = with_two_workers();
  CHECK(router.apply_events(50, {stored(one, 1, {1})}, start) ==
        batch_outcome::kept);
  CHECK(device_blocks(router, one) == 0);
  CHECK(router.counts().early_kept == 1);
  REQUIRE(router.bind_source(50, one, start));
  CHECK(device_blocks(router, one) == 1);
  CHECK(router.counts().early_kept == 0);
  CHECK(router.apply_events(50, {stored(one, 2, {2}, 1)}, start) ==
        batch_outcome::applied);
  CHECK(device_blocks(router, one) == 2);
}

TEST_CASE("a waiting event that names another rank is dropped at binding") {
  kv_router router = with_two_workers();
  router.apply_events(50, {stored(two, 1, {1}), stored(one, 1, {1})}, start);
  REQUIRE(router.bind_source(50, one, start));
  CHECK(device_blocks(router, two) == 0);
  CHECK(device_blocks(router, one) == 1);
  CHECK(router.counts().disagreeing == 1);
}

TEST_CASE("a message with one event of another rank is dropped whole") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(50, one, start));
  CHECK(router.apply_events(50, {stored(one, 1, {1}), stored(two, 1, {1})},
                            start) == batch_outcome::disagrees);
  CHECK(device_blocks(router, one) == 0);
  CHECK(router.counts().disagreeing == 2);
}

TEST_CASE("a source that goes takes its rank's blocks along") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(50, one, start));
  router.apply_events(50, {stored(one, 1, {1})}, start);
  CHECK(router.unbind_source(50, start));
  CHECK(device_blocks(router, one) == 0);
  CHECK(report_of(router, one).sync == sync_state::waiting);
  CHECK(report_of(router, one).member);
  CHECK_FALSE(router.unbind_source(50, start));
}

TEST_CASE("a newer source takes the rank over at once") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(50, one, start));
  router.apply_events(50, {stored(one, 1, {1}), stored(one, 2, {2})}, start);
  REQUIRE(router.bind_source(51, one, start));
  CHECK(device_blocks(router, one) == 0);
  CHECK(router.apply_events(50, {stored(one, 3, {3})}, start) ==
        batch_outcome::superseded);
  CHECK(router.counts().superseded == 1);
  router.apply_events(51, {stored(one, 1, {4})}, start);
  CHECK(device_blocks(router, one) == 1);
  CHECK(report_of(router, one).sync == sync_state::in_sync);

  SECTION("and keeps it when the old one goes") {
    CHECK(router.unbind_source(50, start));
    CHECK(device_blocks(router, one) == 1);
    CHECK(report_of(router, one).publisher_id == 51U);
  }
  SECTION("and leaves it to the old one when it goes first") {
    CHECK(router.unbind_source(51, start));
    CHECK(device_blocks(router, one) == 0);
    router.apply_events(50, {stored(one, 4, {5})}, start);
    CHECK(device_blocks(router, one) == 1);
    CHECK(report_of(router, one).sync == sync_state::partial);
  }
}

TEST_CASE("a publisher bound to another rank leaves the one it had") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(50, one, start));
  router.apply_events(50, {stored(one, 1, {1})}, start);
  REQUIRE(router.bind_source(50, two, start));
  CHECK(device_blocks(router, one) == 0);
  CHECK(router.apply_events(50, {stored(two, 2, {1})}, start) ==
        batch_outcome::applied);
}

TEST_CASE("binding a source again changes nothing") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(50, one, start));
  router.apply_events(50, {stored(one, 1, {1})}, start);
  REQUIRE(router.bind_source(50, one, start));
  CHECK(device_blocks(router, one) == 1);
}

TEST_CASE("a source that began again is read from its first event") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(50, one, start));
  router.apply_events(50, {stored(one, 1, {1}), stored(one, 2, {2})}, start);
  CHECK(router.reset_source(50));
  CHECK(device_blocks(router, one) == 0);
  router.apply_events(50, {stored(one, 1, {3})}, start);
  CHECK(device_blocks(router, one) == 1);
  CHECK(report_of(router, one).sync == sync_state::in_sync);
  CHECK_FALSE(router.reset_source(51));
}

TEST_CASE("a rank that nobody speaks for and no member owns is forgotten") {
  kv_router router = make_router();
  REQUIRE(router.bind_source(50, one, start));
  router.apply_events(50, {stored(one, 1, {1})}, start);
  CHECK(router.ranks(start).size() == 1);
  router.unbind_source(50, start);
  CHECK(router.ranks(start).empty());
  CHECK(router.index().ranks == 0);
}

TEST_CASE("without binding every event counts for the rank that it names") {
  router_options options;
  options.sources = source_policy::any;
  kv_router router = with_two_workers(options);
  CHECK(router.apply_events(50, {stored(one, 1, {1}), stored(two, 1, {1})},
                            start) == batch_outcome::applied);
  CHECK(device_blocks(router, one) == 1);
  CHECK(device_blocks(router, two) == 1);
  CHECK(router.unbind_source(50, start));
  CHECK(device_blocks(router, one) == 0);
}

TEST_CASE("without binding a new publisher is a new life of its rank") {
  router_options options;
  options.sources = source_policy::any;
  kv_router router = with_two_workers(options);
  router.apply_events(50, {stored(one, 1, {1}), stored(one, 2, {2})}, start);
  router.apply_events(51, {stored(one, 1, {3})}, start);
  CHECK(device_blocks(router, one) == 1);
  // What the old one still had on its way does not take the rank back.
  router.apply_events(50, {stored(one, 3, {4})}, start);
  CHECK(device_blocks(router, one) == 1);
  CHECK(router.counts().superseded == 1);
}

TEST_CASE("a bound rank takes no events of unbound publishers") {
  router_options options;
  options.sources = source_policy::any;
  kv_router router = with_two_workers(options);
  REQUIRE(router.bind_source(50, one, start));
  router.apply_events(51, {stored(one, 1, {1})}, start);
  CHECK(device_blocks(router, one) == 0);
}
