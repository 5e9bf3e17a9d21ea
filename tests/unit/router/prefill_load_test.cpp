#include "dynamo/router/prefill_load.hpp"

#include <chrono>

#include "support/catch.hpp"

using dynamo::prefill_load;
using namespace std::chrono_literals;

namespace {

const dynamo::clock::time_point start{1h};

} // namespace

TEST_CASE("no prefill is no load") {
  const prefill_load load;
  CHECK(load.tokens(start) == 0);
}

TEST_CASE("the load is the sum of the hints") {
  prefill_load load;
  load.add(100, 10s, start);
  load.add(50, std::nullopt, start);
  load.add(25, 1s, start);
  CHECK(load.tokens(start) == 175);
}

TEST_CASE("the oldest prefill is the anchor and decays") {
  prefill_load load;
  load.add(100, 10s, start);
  load.add(50, 1s, start);
  CHECK(load.tokens(start + 4s) == 110);
}

TEST_CASE("what is left of a token counts as one") {
  prefill_load load;
  load.add(10, 3s, start);
  CHECK(load.tokens(start + 1s) == 7);
}

TEST_CASE("an anchor decays beyond itself when all have durations") {
  prefill_load load;
  load.add(100, 10s, start);
  load.add(300, 1s, start);
  CHECK(load.tokens(start + 20s) == 200);
}

TEST_CASE("the load does not fall below nothing") {
  prefill_load load;
  load.add(100, 10s, start);
  load.add(50, 10s, start);
  CHECK(load.tokens(start + 15s) == 0);
  CHECK(load.tokens(start + 1000h) == 0);
}

TEST_CASE("only the anchor decays when some lack a duration") {
  prefill_load load;
  load.add(100, 10s, start);
  const auto unknown = load.add(50, std::nullopt, start);
  CHECK(load.tokens(start + 5s) == 100);
  CHECK(load.tokens(start + 50s) == 50);
  load.remove(unknown, start + 5s);
  load.add(50, 10s, start + 5s);
  CHECK(load.tokens(start + 12s) == 30);
}

TEST_CASE("an anchor without a duration does not decay") {
  prefill_load load;
  load.add(100, std::nullopt, start);
  load.add(50, 1s, start);
  CHECK(load.tokens(start + 1h) == 150);
}

TEST_CASE("an anchor that takes no time is done and says nothing of others") {
  prefill_load load;
  load.add(100, 0s, start);
  load.add(50, 1s, start);
  CHECK(load.tokens(start) == 50);
  CHECK(load.tokens(start + 1h) == 50);
}

TEST_CASE("the next prefill is the anchor from when the anchor is removed") {
  prefill_load load;
  const auto first = load.add(100, 10s, start);
  load.add(50, 10s, start);
  load.remove(first, start + 5s);
  CHECK(load.tokens(start + 5s) == 50);
  CHECK(load.tokens(start + 6s) == 45);
}

TEST_CASE("removing another prefill shifts the anchor by its duration") {
  prefill_load load;
  load.add(100, 10s, start);
  const auto second = load.add(50, 3s, start);
  load.remove(second, start + 5s);
  CHECK(load.tokens(start + 5s) == 80);
}

TEST_CASE("the anchor is not shifted beyond now") {
  prefill_load load;
  load.add(100, 10s, start);
  const auto second = load.add(50, std::chrono::nanoseconds::max(), start);
  load.remove(second, start + 5s);
  CHECK(load.tokens(start + 5s) == 100);
  CHECK(load.tokens(start + 6s) == 90);
}

TEST_CASE("removing a prefill without a duration does not shift the anchor") {
  prefill_load load;
  load.add(100, 10s, start);
  const auto second = load.add(50, std::nullopt, start);
  load.remove(second, start + 5s);
  CHECK(load.tokens(start + 5s) == 50);
}

TEST_CASE("a prefill that was booked a while ago has decayed since") {
  prefill_load load;
  load.add(100, 10s, start - 2s);
  CHECK(load.tokens(start) == 80);
}
