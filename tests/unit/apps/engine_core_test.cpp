#include "apps/worker/engine_core.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::apps;
using namespace std::chrono_literals;

namespace {

/// 1 ms a prompt token, 10 ms an output token, blocks of 4 tokens.
engine_options options() {
  engine_options options;
  options.worker_id = 7;
  options.dp_rank = 1;
  options.block_size = 4;
  options.cache_blocks = 100;
  options.prefill_tokens_per_second = 1000;
  options.decode_tokens_per_second = 100;
  return options;
}

/// A prompt of `first`, `first` + 1, ... whose blocks are named by content.
engine_request request(std::uint64_t first, std::uint64_t input_tokens,
                       std::uint64_t output_tokens) {
  engine_request wanted;
  wanted.input_tokens = input_tokens;
  wanted.output_tokens = output_tokens;
  std::uint64_t name = 7;
  for (std::uint64_t i = 0; i < input_tokens / 4; ++i) {
    const std::uint64_t tokens = first + i;
    name = name * 1'000'003 + tokens;
    wanted.blocks.push_back({name, tokens});
  }
  return wanted;
}

/// Steps as an ideal thread would: exactly when something is due.
std::vector<engine_step> run_until(engine_core& core, sim_time end) {
  std::vector<engine_step> steps;
  while (core.next_due() <= end) {
    auto some = core.step(core.next_due());
    std::move(some.begin(), some.end(), std::back_inserter(steps));
  }
  auto rest = core.step(end);
  CHECK(rest.empty());
  return steps;
}

std::map<std::uint64_t, request_progress>
ended(const std::vector<engine_step>& steps) {
  std::map<std::uint64_t, request_progress> ended;
  for (const engine_step& step : steps) {
    for (const request_progress& progress : step.progress) {
      if (progress.stage == request_stage::done) {
        ended.emplace(progress.ticket, progress);
      }
    }
  }
  return ended;
}

std::vector<forward_pass_metrics>
passes(const std::vector<engine_step>& steps) {
  std::vector<forward_pass_metrics> passes;
  for (const engine_step& step : steps) {
    if (step.pass) {
      passes.push_back(*step.pass);
    }
  }
  return passes;
}

std::vector<std::uint64_t>
used_blocks_told(const std::vector<engine_step>& steps) {
  std::vector<std::uint64_t> told;
  for (const engine_step& step : steps) {
    if (step.load) {
      told.push_back(step.load->kv_used_blocks.value());
    }
  }
  return told;
}

} // namespace

TEST_CASE("a request's times follow from its tokens and the rates") {
  engine_core core{options()};
  core.step(5ms);
  REQUIRE(core.submit(request(1, 50, 11), 5ms));
  const auto done = ended(run_until(core, 1s)).at(1);
  CHECK(done.queued == 0ms);
  CHECK(done.time_to_first_token == 50ms);
  CHECK(done.total == 150ms);
  CHECK(done.input_blocks == 12);
  CHECK(done.cached_blocks == 0);
}

TEST_CASE("cached tokens cost no time") {
  engine_core core{options()};
  REQUIRE(core.submit(request(1, 40, 1), 0ms));
  run_until(core, 500ms);
  REQUIRE(core.submit(request(1, 48, 1), 500ms));
  const auto done = ended(run_until(core, 1s)).at(2);
  CHECK(done.cached_blocks == 10);
  CHECK(done.time_to_first_token == 8ms);
}

TEST_CASE("a prompt that is wholly cached still costs its last token") {
  engine_core core{options()};
  REQUIRE(core.submit(request(1, 40, 1), 0ms));
  REQUIRE(core.submit(request(1, 40, 1), 0ms));
  const auto done = ended(run_until(core, 1s)).at(2);
  CHECK(done.queued == 40ms);
  CHECK(done.time_to_first_token == 41ms);
}

TEST_CASE("prompts are computed one after the other in order of arrival") {
  engine_core core{options()};
  REQUIRE(core.submit(request(100, 30, 50), 0ms));
  REQUIRE(core.submit(request(200, 20, 50), 0ms));
  REQUIRE(core.submit(request(300, 10, 50), 0ms));
  const auto all = ended(run_until(core, 2s));
  CHECK(all.at(1).time_to_first_token == 30ms);
  CHECK(all.at(2).queued == 30ms);
  CHECK(all.at(2).time_to_first_token == 50ms);
  CHECK(all.at(3).time_to_first_token == 60ms);
}

TEST_CASE("no more requests run at a time than concurrency allows") {
  auto limited = options();
  limited.concurrency = 2;
  engine_core core{limited};
  for (std::uint64_t i = 1; i <= 3; ++i) {
    REQUIRE(core.submit(request(100 * i, 10, 11), 0ms));
  }
  const auto all = ended(run_until(core, 2s));
  CHECK(all.at(2).total == 120ms);
  CHECK(all.at(3).queued == 110ms);
  CHECK(all.at(3).total == 220ms);
}

TEST_CASE("a request waits until the cache has room for it") {
  auto small = options();
  small.cache_blocks = 10;
  engine_core core{small};
  REQUIRE(core.submit(request(100, 20, 11), 0ms));
  REQUIRE(core.submit(request(200, 8, 1), 0ms));
  const auto all = ended(run_until(core, 2s));
  CHECK(all.at(1).total == 120ms);
  CHECK(all.at(2).queued == 120ms);
}

TEST_CASE("a request that the cache can never hold is refused") {
  engine_core core{options()};
  const auto refused = core.submit(request(1, 300, 101), 0ms);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::too_large);
  CHECK(core.submit(request(1, 300, 100), 0ms));
}

TEST_CASE("requests beyond the queue's limit are refused") {
  auto narrow = options();
  narrow.queue_max = 2;
  engine_core core{narrow};
  REQUIRE(core.submit(request(1, 10, 1), 0ms));
  core.step(0ms);
  REQUIRE(core.submit(request(1, 10, 1), 0ms));
  REQUIRE(core.submit(request(1, 10, 1), 0ms));
  const auto refused = core.submit(request(1, 10, 1), 0ms);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  CHECK(core.requests() == 3);
}

TEST_CASE("blocks are stored when they are computed, not when they start") {
  engine_core core{options()};
  REQUIRE(core.submit(request(1, 10, 1), 0ms));
  CHECK(run_until(core, 9ms).front().changes.empty());
  CHECK(core.event_id() == 0);
  const auto steps = core.step(10ms);
  REQUIRE(steps.size() == 1);
  REQUIRE(steps[0].changes.size() == 1);
  CHECK(std::get<kv_stored>(steps[0].changes[0].event.data).blocks.size() == 2);
  CHECK(core.event_id() == 1);
}

TEST_CASE("one step's changes are one batch, stored before removed") {
  auto small = options();
  small.cache_blocks = 6;
  engine_core core{small};
  REQUIRE(core.submit(request(100, 16, 1), 0ms));
  REQUIRE(core.submit(request(200, 16, 1), 0ms));
  run_until(core, 15ms);
  const auto steps = core.step(16ms);
  REQUIRE(steps.size() == 1);
  REQUIRE(steps[0].changes.size() == 2);
  CHECK(std::holds_alternative<kv_stored>(steps[0].changes[0].event.data));
  const auto& removed =
      std::get<kv_removed>(steps[0].changes[1].event.data).block_hashes;
  CHECK(removed.size() == 3);
}

TEST_CASE("a late step changes no time") {
  engine_core exact{options()};
  engine_core late{options()};
  for (engine_core* core : {&exact, &late}) {
    REQUIRE(core->submit(request(100, 30, 7), 0ms));
    REQUIRE(core->submit(request(200, 20, 9), 0ms));
  }
  const auto expected = ended(run_until(exact, 900ms));
  const auto all = ended(late.step(900ms));
  REQUIRE(all.size() == 2);
  for (const auto& [ticket, done] : all) {
    CHECK(done.total == expected.at(ticket).total);
    CHECK(done.queued == expected.at(ticket).queued);
  }
}

TEST_CASE("load is told at once, on every change, and at the interval") {
  auto slow = options();
  slow.heartbeat = 1h;
  engine_core core{slow};
  CHECK(used_blocks_told(run_until(core, 2500ms)) ==
        std::vector<std::uint64_t>{0, 0, 0});
  REQUIRE(core.submit(request(1, 10, 1), 2500ms));
  CHECK(used_blocks_told(run_until(core, 3400ms)) ==
        std::vector<std::uint64_t>{3, 0});
  const auto steps = run_until(core, 3510ms);
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].at == 3510ms);
  REQUIRE(steps[0].load);
  CHECK(steps[0].load->worker_id == 7);
  CHECK(steps[0].load->dp_rank == 1);
}

TEST_CASE("an idle engine beats once a second and goes on counting") {
  engine_core core{options()};
  const auto idle = passes(run_until(core, 2500ms));
  REQUIRE(idle.size() == 2);
  forward_pass_metrics second;
  second.worker_id = "7";
  second.dp_rank = 1;
  second.counter_id = 2;
  CHECK(idle[1] == second);

  REQUIRE(core.submit(request(1, 10, 1), 2500ms));
  const auto after = passes(run_until(core, 3600ms));
  REQUIRE(after.size() == 2);
  CHECK(after[0].counter_id == 3);
  CHECK(after[0].wall_time == Approx(0.010));
  CHECK(after[1].counter_id == 4);
  CHECK(after[1].wall_time == 0);
}

TEST_CASE("missed heartbeats are left out, all but one") {
  engine_core core{options()};
  const auto steps = core.step(10'500ms);
  CHECK(passes(steps).size() == 1);
  CHECK(core.next_due() == 11'000ms);
}

TEST_CASE("a long decode is reported at every heartbeat") {
  auto large = options();
  large.cache_blocks = 200;
  engine_core core{large};
  REQUIRE(core.submit(request(1, 100, 301), 0ms));
  const auto all = passes(run_until(core, 3100ms));
  REQUIRE(all.size() == 4);
  CHECK(all[0].wall_time == Approx(0.1));
  CHECK(all[1].wall_time == Approx(1.0));
  CHECK(all[1].scheduled.num_decode_requests == 1);
  CHECK(all[1].scheduled.sum_decode_kv_tokens == 101);
  CHECK(all[2].scheduled.sum_decode_kv_tokens == 201);
  CHECK(all[3].wall_time == Approx(1.0));
}

TEST_CASE("a pass tells what was computed, what was cached and what waits") {
  engine_core core{options()};
  REQUIRE(core.submit(request(1, 40, 1), 0ms));
  run_until(core, 100ms);
  REQUIRE(core.submit(request(1, 60, 100), 100ms));
  REQUIRE(core.submit(request(500, 10, 1), 100ms));
  REQUIRE(core.submit(request(600, 30, 1), 100ms));
  const auto first = passes(run_until(core, 120ms)).at(0);
  CHECK(first.scheduled.num_prefill_requests == 1);
  CHECK(first.scheduled.sum_prefill_tokens == 20);
  CHECK(first.scheduled.sum_prefill_kv_tokens == 40);
  CHECK(first.scheduled.num_decode_requests == 0);
  CHECK(first.queued.num_prefill_requests == 2);
  CHECK(first.queued.sum_prefill_tokens == 40);
  CHECK(first.queued.var_prefill_length == Approx(100));

  const auto second = passes(run_until(core, 130ms)).at(0);
  CHECK(second.scheduled.num_decode_requests == 1);
  CHECK(second.scheduled.sum_decode_kv_tokens == 61);
  CHECK(second.scheduled.var_decode_kv_tokens == 0);
  CHECK(second.queued.num_prefill_requests == 1);
}

TEST_CASE("a prefill that several passes cover is counted once") {
  engine_core core{options()};
  REQUIRE(core.submit(request(1, 10, 2), 0ms));
  REQUIRE(core.submit(request(500, 50, 1), 0ms));
  const auto all = passes(run_until(core, 60ms));
  REQUIRE(all.size() == 3);
  CHECK(all[1].scheduled.sum_prefill_tokens == 10);
  CHECK(all[1].scheduled.sum_prefill_kv_tokens == 0);
  CHECK(all[2].scheduled.sum_prefill_tokens == 40);
  CHECK(all[2].scheduled.sum_prefill_kv_tokens == 10);
}

TEST_CASE("population computes the variance of the whole population") {
  population lengths;
  for (const std::uint64_t length : {2, 4, 4, 4, 5, 5, 7, 9}) {
    lengths.add(length);
  }
  CHECK(lengths.sum() == 40);
  CHECK(lengths.variance() == Approx(4.0));
}

TEST_CASE("without kv events no change is told and no id is used") {
  auto quiet = options();
  quiet.kv_events = false;
  engine_core core{quiet};
  REQUIRE(core.submit(request(1, 40, 1), 0ms));
  for (const engine_step& step : run_until(core, 1s)) {
    CHECK(step.changes.empty());
  }
  CHECK(core.event_id() == 0);
  CHECK(core.cache().cached() == 10);
}
