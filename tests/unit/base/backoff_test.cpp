#include "dynamo/base/backoff.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo;
using std::chrono::milliseconds;

TEST_CASE("backoff never waits less than half the initial delay") {
  backoff delays{{milliseconds{100}, milliseconds{5000}}, 1};
  for (int i = 0; i < 1000; ++i) {
    CHECK(delays.next() >= milliseconds{50});
  }
}

TEST_CASE("backoff doubles its upper bound from attempt to attempt") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    backoff delays{{milliseconds{100}, milliseconds{5000}}, seed};
    for (const int most : {100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
      CHECK(delays.next() <= milliseconds{most});
    }
  }
}

TEST_CASE("backoff reaches its maximum and stays there for ever") {
  backoff delays{{milliseconds{100}, milliseconds{5000}}, 7};
  milliseconds longest{0};
  for (int i = 0; i < 2000; ++i) {
    longest = std::max(longest, delays.next());
  }
  CHECK(longest <= milliseconds{5000});
  CHECK(longest > milliseconds{4500});
  CHECK(delays.attempts() == 2000);
}

TEST_CASE("backoff starts again at the initial delay after a success") {
  backoff delays{{milliseconds{100}, milliseconds{5000}}, 3};
  for (int i = 0; i < 10; ++i) {
    delays.next();
  }
  delays.reset();
  CHECK(delays.attempts() == 0);
  CHECK(delays.next() <= milliseconds{100});
}

TEST_CASE("backoff repeats its delays for a seed and spreads across seeds") {
  const auto tenth = [](std::uint64_t seed) {
    backoff delays{{milliseconds{100}, milliseconds{5000}}, seed};
    milliseconds delay{0};
    for (int i = 0; i < 10; ++i) {
      delay = delays.next();
    }
    return delay;
  };
  CHECK(tenth(42) == tenth(42));

  std::set<milliseconds> different;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    different.insert(tenth(seed));
  }
  CHECK(different.size() > 40);
}

TEST_CASE("backoff accepts a maximum below its initial delay") {
  backoff delays{{milliseconds{100}, milliseconds{10}}, 5};
  for (int i = 0; i < 100; ++i) {
    CHECK(delays.next() == milliseconds{50});
  }
}
