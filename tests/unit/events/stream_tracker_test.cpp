#include "dynamo/events/stream_tracker.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace dynamo;

TEST_CASE("stream_tracker takes a stream from 0 without complaint") {
  stream_tracker stream;
  for (std::uint64_t i = 0; i < 5; ++i) {
    CHECK(stream.observe(i, 1000 + i).what == arrival::next);
  }
  CHECK(stream.counts().received == 5);
  CHECK(stream.counts().next_sequence == 5);
  CHECK(stream.counts().missed == 0);
}

TEST_CASE("stream_tracker counts a late start as a gap from 0") {
  stream_tracker stream;
  const observation seen = stream.observe(7, 1000);
  CHECK(seen.what == arrival::gap);
  CHECK(seen.missed == 7);
  CHECK(stream.observe(8, 1000).what == arrival::next);
}

TEST_CASE("stream_tracker says how many messages a gap holds") {
  stream_tracker stream;
  stream.observe(0, 1000);
  const observation seen = stream.observe(4, 1001);
  CHECK(seen.what == arrival::gap);
  CHECK(seen.missed == 3);
  CHECK(stream.counts().gaps == 1);
  CHECK(stream.counts().missed == 3);
}

TEST_CASE("stream_tracker takes repeated and late messages as duplicates") {
  stream_tracker stream;
  stream.observe(0, 1000);
  stream.observe(3, 1003);
  CHECK(stream.observe(3, 1003).what == arrival::duplicate);
  CHECK(stream.observe(1, 1001).what == arrival::duplicate);
  CHECK(stream.counts().duplicates == 2);
  CHECK(stream.counts().received == 2);
  CHECK(stream.counts().next_sequence == 4);
}

TEST_CASE("stream_tracker takes a later 0 as a restart") {
  stream_tracker stream;
  for (std::uint64_t i = 0; i < 10; ++i) {
    stream.observe(i, 1000 + i);
  }
  CHECK(stream.observe(0, 2000).what == arrival::restart);
  CHECK(stream.observe(1, 2001).what == arrival::next);
  CHECK(stream.counts().restarts == 1);
  CHECK(stream.counts().next_sequence == 2);
  CHECK(stream.counts().received == 12);
}

TEST_CASE("stream_tracker takes a 0 with an old time as a duplicate") {
  stream_tracker stream;
  stream.observe(0, 1000);
  stream.observe(1, 1001);
  CHECK(stream.observe(0, 1000).what == arrival::duplicate);
  CHECK(stream.observe(0, 1001).what == arrival::duplicate);
  CHECK(stream.counts().restarts == 0);
}

TEST_CASE("stream_tracker counts the gap of a stream that was joined late") {
  stream_tracker stream;
  stream.observe(5, 1000);
  stream.observe(6, 1001);
  stream.observe(9, 1002);
  const stream_counts& counts = stream.counts();
  CHECK(counts.received + counts.missed == counts.next_sequence);
  CHECK(counts.received == 3);
  CHECK(counts.missed == 7);
  CHECK(counts.gaps == 2);
}

TEST_CASE("stream_tracker survives the largest sequence number") {
  stream_tracker stream;
  constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
  const observation seen = stream.observe(largest, 1000);
  CHECK(seen.what == arrival::gap);
  CHECK(seen.missed == largest);
  // The number after it is 0 again, and everything beyond that a gap.
  CHECK(stream.observe(0, 1001).what == arrival::next);
  CHECK(stream.observe(5, 1002).missed == 4);
}
