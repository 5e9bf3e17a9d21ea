#include "dynamo/router/event_cursor.hpp"

#include "support/catch.hpp"

using dynamo::event_cursor;
using dynamo::event_step;

TEST_CASE("event_cursor takes any first id") {
  const std::uint64_t id =
      GENERATE(std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 63);
  event_cursor cursor;
  CHECK(cursor.observe(id).what == event_step::first);
  CHECK(cursor.last() == id);
}

TEST_CASE("event_cursor says what a late start has missed") {
  event_cursor cursor;
  CHECK(cursor.observe(8).missed == 7);
}

TEST_CASE("event_cursor sees no loss in a start at 0 or 1") {
  const std::uint64_t id = GENERATE(std::uint64_t{0}, std::uint64_t{1});
  event_cursor cursor;
  CHECK(cursor.observe(id).missed == 0);
}

TEST_CASE("event_cursor tells contiguous, stale and missing ids apart") {
  event_cursor cursor;
  cursor.observe(1);
  CHECK(cursor.observe(2).what == event_step::contiguous);
  CHECK(cursor.observe(2).what == event_step::stale);
  CHECK(cursor.observe(0).what == event_step::stale);
  const auto gap = cursor.observe(6);
  CHECK(gap.what == event_step::gap);
  CHECK(gap.missed == 3);
  CHECK(cursor.observe(7).what == event_step::contiguous);
}

TEST_CASE("event_cursor does not wrap at the largest id") {
  event_cursor cursor;
  cursor.observe(~std::uint64_t{0});
  CHECK(cursor.observe(0).what == event_step::stale);
}

TEST_CASE("event_cursor begins again after a reset") {
  event_cursor cursor;
  cursor.observe(9);
  cursor.reset();
  CHECK_FALSE(cursor.last());
  CHECK(cursor.observe(1).what == event_step::first);
}
