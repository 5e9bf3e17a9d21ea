#include "apps/bench/index_bench.hpp"
#include "dynamo/router/flat_index.hpp"
#include "dynamo/router/tree_index.hpp"

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::apps;

namespace {

std::vector<trace_request>
trace_of(const std::vector<std::vector<std::uint64_t>>& requests) {
  std::vector<trace_request> trace;
  for (const auto& ids : requests) {
    trace.push_back({});
    trace.back().block_ids = ids;
  }
  return trace;
}

} // namespace

TEST_CASE("make_stream stores what is new and removes the ends of old chains") {
  const event_stream stream =
      make_stream(trace_of({{1, 2, 3}, {1, 2, 4}, {5}}),
                  {.workers = 1, .cache_blocks = 4, .rounds = 1});
  CHECK(stream.asked == 7);
  CHECK(stream.stored == 5);
  CHECK(stream.removed == 1);
  REQUIRE(stream.steps.size() == 3);
  const auto& first = std::get<kv_stored>(stream.steps[0].events[0].data);
  const auto& second = std::get<kv_stored>(stream.steps[1].events[0].data);
  CHECK(second.parent_hash == first.blocks[1].block_hash);
  REQUIRE(stream.steps[2].events.size() == 2);
  const auto& gone = std::get<kv_removed>(stream.steps[2].events[1].data);
  CHECK(gone.block_hashes == std::vector{first.blocks[2].block_hash});
}

TEST_CASE("both indexes find the same in the same stream") {
  const event_stream stream = make_stream(
      trace_of({{1, 2, 3}, {1, 2, 4}, {5}, {1, 2, 3}, {6, 7}, {5, 8}}),
      {.workers = 2, .cache_blocks = 4, .how = spreading::round_robin});
  const auto rows =
      bench_indexes(stream,
                    {{"tree", [] { return std::make_unique<tree_index>(); }},
                     {"flat", [] { return std::make_unique<flat_index>(); }}},
                    {.repeats = 1, .readers = 0});
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].matched == rows[1].matched);
  CHECK(rows[0].matched > 0);
  CHECK(rows[1].bytes_per_pair > 0);
}
