#include "apps/worker/engine.hpp"
#include "apps/worker/generate_call.hpp"

#include <atomic>
#include <memory>

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

engine_sinks deaf() {
  return {[](const kv_events&) {}, [](const active_load&) {},
          [](const forward_pass_metrics&) {}};
}

request_observer told_to(const std::shared_ptr<pending_answer>& answer) {
  return {
      [answer](const request_progress& progress) { answer->tell(progress); },
      [answer](const error& reason) { answer->reject(reason); }};
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

} // namespace

TEST_CASE("an engine tells the computed times, whenever its thread wakes") {
  const system_clock time;
  engine running{options(), 50, deaf(), time};
  const auto answer = std::make_shared<pending_answer>();
  REQUIRE(running.submit(request(100, 21), told_to(answer)));

  const auto first = answer->next();
  REQUIRE(first);
  CHECK(first->stage == request_stage::first_token);
  CHECK(first->time_to_first_token == 100ms);
  const auto done = answer->next();
  REQUIRE(done);
  CHECK(done->total == 300ms);
}

TEST_CASE("changes are with the sink before the request hears of them") {
  const system_clock time;
  std::atomic<std::size_t> stored{0};
  engine_sinks sinks = deaf();
  sinks.on_changes = [&](const kv_events& events) {
    stored += block_count(events.front());
  };
  engine running{options(), 50, sinks, time};
  const auto answer = std::make_shared<pending_answer>();
  REQUIRE(running.submit(request(40, 1), told_to(answer)));
  REQUIRE(answer->next());
  CHECK(stored == 10);
  const cache_snapshot snapshot = running.snapshot();
  CHECK(snapshot.event_id == 1);
  CHECK(snapshot.blocks.size() == 10);
}

TEST_CASE("an engine that is idle empties its cache and publishes that") {
  const system_clock time;
  std::atomic<std::size_t> cleared{0};
  engine_sinks sinks = deaf();
  sinks.on_changes = [&](const kv_events& events) {
    cleared += std::holds_alternative<kv_cleared>(events.front().event.data);
  };
  engine running{options(), 50, sinks, time};
  const auto answer = std::make_shared<pending_answer>();
  REQUIRE(running.submit(request(40, 1), told_to(answer)));
  REQUIRE(answer->next());
  REQUIRE(running.clear());
  CHECK(running.snapshot().blocks.empty());
  running.stop();
  CHECK(cleared == 1);
  CHECK(running.clear().error().code == errc::closed);
}

TEST_CASE("an engine that stops rejects what is under way and what comes") {
  const system_clock time;
  engine running{options(), 1, deaf(), time};
  const auto answer = std::make_shared<pending_answer>();
  REQUIRE(running.submit(request(1, 300), told_to(answer)));
  CHECK(running.requests() == 1);
  REQUIRE(answer->next());

  running.stop();
  CHECK(answer->next().error().code == errc::closed);
  CHECK(running.submit(request(1, 1), told_to(answer)).error().code ==
        errc::closed);
}
