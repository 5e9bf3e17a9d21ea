#include "dynamo/router/early_events.hpp"

#include "support/catch.hpp"

using dynamo::early_events;
using dynamo::router_event;

namespace {

router_event stored(std::uint64_t event_id, std::size_t blocks) {
  router_event event;
  event.event.event_id = event_id;
  event.event.data =
      dynamo::kv_stored{.parent_hash = {},
                        .start_position = {},
                        .blocks = std::vector<dynamo::kv_block>(blocks)};
  return event;
}

} // namespace

TEST_CASE("early_events gives each publisher's events back in order") {
  early_events events{{}};
  events.keep(1, stored(1, 1));
  events.keep(2, stored(5, 1));
  events.keep(1, stored(2, 1));
  const auto taken = events.take(1);
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].event.event_id == 1);
  CHECK(taken[1].event.event_id == 2);
  CHECK(events.take(1).empty());
  CHECK(events.size() == 1);
}

TEST_CASE("early_events keeps the newest events of a publisher") {
  early_events events{{.events_max = 2, .publishers_max = 9, .blocks_max = 9}};
  for (std::uint64_t id = 1; id <= 5; ++id)
    events.keep(1, stored(id, 1));
  CHECK(events.dropped() == 3);
  const auto taken = events.take(1);
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].event.event_id == 4);
}

TEST_CASE("early_events lets a flood of blocks drop only its own publisher's") {
  early_events events{
      {.events_max = 100, .publishers_max = 9, .blocks_max = 10}};
  events.keep(1, stored(1, 6));
  events.keep(2, stored(1, 3));
  events.keep(2, stored(2, 4));
  events.keep(2, stored(3, 5));
  CHECK(events.dropped() == 3);
  CHECK(events.take(1).size() == 1);
  CHECK(events.take(2).empty());
  CHECK(events.size() == 0);
}

TEST_CASE("early_events refuses publishers beyond its limit") {
  early_events events{{.events_max = 9, .publishers_max = 1, .blocks_max = 9}};
  events.keep(1, stored(1, 1));
  events.keep(2, stored(1, 1));
  CHECK(events.dropped() == 1);
  CHECK(events.take(2).empty());
  events.take(1);
  events.keep(2, stored(2, 1));
  CHECK(events.take(2).size() == 1);
}
