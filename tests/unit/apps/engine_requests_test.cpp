#include "apps/worker/engine_core.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::apps;
using namespace std::chrono_literals;

namespace {

/// 1 ms a prompt token, 10 ms an output token, blocks of 4 tokens.
engine_options options() {
  engine_options options;
  options.block_size = 4;
  options.cache_blocks = 100;
  options.prefill_tokens_per_second = 1000;
  options.decode_tokens_per_second = 100;
  return options;
}

engine_request request(std::uint64_t input_tokens,
                       std::uint64_t output_tokens) {
  engine_request wanted;
  wanted.input_tokens = input_tokens;
  wanted.output_tokens = output_tokens;
  for (std::uint64_t i = 0; i < input_tokens / 4; ++i) {
    wanted.blocks.push_back({i + 1, i + 1});
  }
  return wanted;
}

struct told {
  sim_time at;
  request_progress progress;
};

std::vector<told> all_of(engine_core& core, sim_time end) {
  std::vector<told> all;
  for (const engine_step& step : core.step(end)) {
    for (const request_progress& each : step.progress) {
      all.push_back({step.at, each});
    }
  }
  return all;
}

} // namespace

TEST_CASE("a prompt computed elsewhere takes one token's time and is stored") {
  engine_core core{options()};
  engine_request arrived = request(40, 3);
  arrived.prefilled = true;
  REQUIRE(core.submit(arrived, 0ms));
  const auto all = all_of(core, 1s);
  REQUIRE(all.size() == 2);
  CHECK(all[0].progress.time_to_first_token == 1ms);
  CHECK(all[0].progress.cached_blocks == 0);
  CHECK(all[1].progress.total == 21ms);
  CHECK(core.cache().lookup(arrived.blocks) == 10);
}

TEST_CASE("an output block is told of when its last token is there") {
  engine_core core{options()};
  // Two tokens fill the block that the prompt began, four the next one; the
  // last one stays open.
  engine_request wanted = request(6, 8);
  wanted.tells_output_blocks = true;
  REQUIRE(core.submit(wanted, 0ms));
  const auto all = all_of(core, 1s);
  REQUIRE(all.size() == 4);
  CHECK(all[0].progress.stage == request_stage::first_token);
  CHECK(all[1].progress.stage == request_stage::output_block);
  CHECK(all[1].progress.output_blocks == 1);
  CHECK(all[1].at == 16ms);
  CHECK(all[2].progress.output_blocks == 2);
  CHECK(all[2].at == 56ms);
  CHECK(all[3].progress.stage == request_stage::done);
  CHECK(all[3].progress.output_blocks == 2);
  CHECK(all[3].at == 76ms);
}

TEST_CASE("an output block that the first and the last token fill is told of") {
  engine_core core{options()};
  engine_request wanted = request(7, 5);
  wanted.tells_output_blocks = true;
  REQUIRE(core.submit(wanted, 0ms));
  const auto all = all_of(core, 1s);
  REQUIRE(all.size() == 4);
  CHECK(all[1].progress.output_blocks == 1);
  CHECK(all[1].at == 7ms);
  CHECK(all[2].progress.output_blocks == 2);
  CHECK(all[2].at == all[3].at);
  CHECK(all[3].progress.stage == request_stage::done);
}

TEST_CASE("nobody hears of output blocks who did not ask") {
  engine_core core{options()};
  REQUIRE(core.submit(request(6, 40), 0ms));
  CHECK(all_of(core, 1s).size() == 2);
}
