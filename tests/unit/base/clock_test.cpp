#include "dynamo/base/clock.hpp"

#include "support/catch.hpp"

using namespace dynamo;
using namespace std::chrono_literals;

TEST_CASE("manual_clock stands still until it is moved") {
  const manual_clock clock{1000ms};
  CHECK(clock.now() == clock.now());
  CHECK(clock.unix_time() == 1000ms);
}

TEST_CASE("manual_clock moves both of its times by the same step") {
  manual_clock clock{1000ms};
  const auto start = clock.now();
  clock.advance(250ms);
  clock.advance(1s);
  CHECK(clock.now() - start == 1250ms);
  CHECK(clock.unix_time() == 2250ms);
}

TEST_CASE("manual_clock keeps steps below a millisecond") {
  manual_clock clock{0ms};
  clock.advance(600us);
  CHECK(clock.unix_time() == 0ms);
  clock.advance(600us);
  CHECK(clock.unix_time() == 1ms);
}

TEST_CASE("system_clock never goes back") {
  const system_clock clock;
  const auto before = clock.now();
  CHECK(clock.now() >= before);
  CHECK(clock.unix_time() >= 0ms);
}
