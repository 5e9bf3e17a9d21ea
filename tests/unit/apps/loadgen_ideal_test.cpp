#include "apps/loadgen/ideal.hpp"

#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo::apps;
using namespace std::chrono_literals;

namespace {

/// Blocks are those of a trace; 1 ms a block, output takes no time.
engine_options engine(std::size_t cache_blocks) {
  engine_options options;
  options.block_size = trace_block_tokens;
  options.cache_blocks = cache_blocks;
  options.prefill_tokens_per_second = 1000.0 * trace_block_tokens;
  return options;
}

/// A prompt of whole trace blocks with one token of output less than a block.
trace_request request(std::vector<std::uint64_t> ids) {
  return {0ms, ids.size() * trace_block_tokens, 1, std::move(ids)};
}

/// Each a second after the one before.
block_counts ideal_of(const engine_options& options, std::size_t ranks,
                      const std::vector<trace_request>& all) {
  ideal_caches ideal{options, ranks};
  sim_time at{0};
  for (const trace_request& each : all) {
    ideal.ask(each, at);
    at += 1s;
  }
  return ideal.finish();
}

std::uint64_t endless(const std::vector<trace_request>& all) {
  infinite_cache cache{trace_block_tokens};
  for (const trace_request& each : all) {
    cache.ask(each);
  }
  return cache.counts().reused;
}

} // namespace

TEST_CASE("ideal_caches with room for everything equal one without bounds") {
  const std::vector<trace_request> all{request({1, 2, 3}), request({4, 5}),
                                       request({1, 2, 6}), request({4, 5, 7}),
                                       request({1, 2, 3})};
  const block_counts counts = ideal_of(engine(100), 3, all);
  CHECK(counts.reused == endless(all));
  CHECK(counts.asked == 14);
}

TEST_CASE("ideal_caches go where the prefix is") {
  // Each cache has room for one of the conversations.
  std::vector<trace_request> all;
  for (int round = 0; round < 10; ++round) {
    all.push_back(request({1, 2, 3}));
    all.push_back(request({4, 5, 6}));
  }
  CHECK(ideal_of(engine(4), 2, all).reused == 18 * 3);
}

TEST_CASE("ideal_caches lose what the workers' caches evict") {
  std::vector<trace_request> all;
  for (int round = 0; round < 10; ++round) {
    all.push_back(request({1, 2, 3}));
    all.push_back(request({4, 5, 6}));
  }
  CHECK(ideal_of(engine(4), 1, all).reused == 0);
}

TEST_CASE("ideal_caches find nothing that is not computed yet") {
  ideal_caches ideal{engine(100), 2};
  ideal.ask(request({1, 2, 3}), 0ms);
  // The first one is computed at 3 ms; a chooser that knows all sees only what
  // is there, but behind it in the queue the blocks are found.
  ideal.ask(request({9, 1, 2, 3}), 1ms);
  ideal.ask(request({1, 2, 3}), 3ms);
  const block_counts counts = ideal.finish();
  CHECK(counts.reused == 3);
}

TEST_CASE("ideal_caches count what no cache can hold as asked") {
  const block_counts counts =
      ideal_of(engine(2), 2, {request({1, 2, 3}), request({1}), request({1})});
  CHECK(counts.asked == 5);
  CHECK(counts.reused == 1);
}

TEST_CASE("a rule that minds work leaves a busy rank alone") {
  const auto reused_by = [](double work_weight) {
    ideal_fleet fleet{engine(1000), 2, {work_weight, 0}};
    engine_request shared;
    shared.input_tokens = trace_block_tokens;
    shared.output_tokens = 1;
    shared.blocks = {{1, 1}};
    fleet.ask(shared, 0ms);
    engine_request long_one = shared;
    for (std::uint64_t i = 2; i <= 50; ++i) {
      long_one.blocks.push_back({i, i});
      long_one.input_tokens += trace_block_tokens;
    }
    // Keeps the rank busy that has the shared block.
    fleet.ask(long_one, 10ms);
    fleet.ask(shared, 11ms);
    return fleet.finish().reused;
  };
  CHECK(reused_by(0) == 2);
  CHECK(reused_by(1) == 1);
}
