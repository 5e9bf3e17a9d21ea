#include "apps/bench/measures/resident_series.hpp"
#include "apps/bench/percentiles.hpp"
#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/latency_histogram.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <random>
#include <unistd.h>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo::apps;

TEST_CASE("a latency histogram is within 1/128 of the exact percentiles") {
  std::mt19937_64 random{3};
  std::vector<std::uint64_t> values;
  latency_histogram odd;
  latency_histogram even;
  for (int i = 0; i < 20'000; ++i) {
    // From one to nearly all of 64 bits.
    const std::uint64_t value = random() >> (random() % 64);
    values.push_back(value);
    (i % 2 == 0 ? even : odd).add(value);
  }
  odd += even;
  CHECK(odd.count() == values.size());
  for (const double fraction : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const std::uint64_t exact = percentile(values, fraction);
    const std::uint64_t found = odd.at(fraction);
    CHECK(found >= exact);
    CHECK(found - exact <= exact / 128);
  }
  CHECK(odd.percentiles_json()["max"] == percentile(values, 1));
  CHECK(latency_histogram{}.percentiles_json()["p99"] == 0);
}

TEST_CASE("a slope is that of the best line") {
  CHECK(slope_of({}, {}) == 0);
  CHECK(slope_of({1}, {5}) == 0);
  CHECK(slope_of({0, 1, 2}, {1, 3, 5}) == 2);
  CHECK(std::abs(slope_of({0, 1, 2, 3}, {4, 6, 4, 6}) - 0.4) < 1e-12);
}

TEST_CASE("the memory of a process is read while it is there") {
  resident_series series{{getpid()}};
  CHECK(series.growth_kib_per_minute(0) == 0);
  CHECK(resident_bytes_of(getpid()) > 1'000'000);
  CHECK(resident_bytes_of(0x7ffffff0) == 0);
}
