#include "apps/bench/prediction_bench.hpp"

#include "support/catch.hpp"

using namespace dynamo::apps;
using namespace std::chrono_literals;

namespace {

std::vector<trace_request> some_requests() {
  std::vector<trace_request> trace;
  for (std::uint64_t i = 0; i < 40; ++i) {
    trace_request request;
    request.arrival = i * 1s;
    request.block_ids = {1, 2 + i % 4, 100 + i};
    trace.push_back(request);
  }
  return trace;
}

prediction_look look_of(std::uint64_t heap, std::uint64_t resident) {
  prediction_look look;
  look.heap_bytes = heap;
  look.resident_bytes = resident;
  return look;
}

} // namespace

TEST_CASE("prediction is looked at as often as asked, and stays bounded") {
  prediction_bench_options options;
  options.decisions = 5000;
  options.looks = 5;
  options.prediction.tree_size_max = 200;
  std::size_t shown = 0;
  const auto looks = bench_prediction(some_requests(), options,
                                      [&](const prediction_look&) { ++shown; });
  REQUIRE(looks.size() == 5);
  CHECK(shown == 5);
  CHECK(looks.front().decisions == 1000);
  CHECK(looks.back().decisions == 5000);
  for (const prediction_look& look : looks) {
    CHECK(look.pairs <= 200);
    CHECK(look.heap_bytes > 0);
    CHECK(look.resident_bytes > look.heap_bytes);
  }
  CHECK(looks.back().pruned + looks.back().expired >
        looks.front().pruned + looks.front().expired);
}

TEST_CASE("memory is flat when the second half is not above the middle") {
  CHECK(is_flat(
      {look_of(1, 1), look_of(100, 200), look_of(105, 200), look_of(90, 210)}));
  CHECK_FALSE(is_flat(
      {look_of(1, 1), look_of(100, 200), look_of(106, 200), look_of(90, 200)}));
  CHECK_FALSE(is_flat({look_of(1, 1), look_of(100, 200), look_of(100, 200),
                       look_of(100, 211)}));
  CHECK_FALSE(is_flat({look_of(1, 1), look_of(1, 1)}));
}
