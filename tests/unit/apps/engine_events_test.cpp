#include "apps/worker/engine_core.hpp"

#include <algorithm>
#include <map>
#include <random>

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::apps;

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

/// What an index holds that applied every event in order.
class replayed_index {
 public:
  void apply(const kv_events& events) {
    for (const router_event& event : events) {
      REQUIRE(event.worker_id == 7);
      REQUIRE(event.event.dp_rank == 1);
      REQUIRE(event.domain == residency_domain::worker);
      REQUIRE(event.event.event_id == ++event_id_);
      if (const auto* stored = std::get_if<kv_stored>(&event.event.data)) {
        store(*stored);
      } else {
        remove(std::get<kv_removed>(event.event.data));
      }
    }
  }

  bool equals(const block_cache& cache) const {
    std::map<std::uint64_t, cached_block> held;
    for (const cached_block& block : cache.content()) {
      held.emplace(block.block_hash, block);
    }
    return held == blocks_;
  }

  std::uint64_t event_id() const { return event_id_; }

 private:
  void store(const kv_stored& stored) {
    REQUIRE_FALSE(stored.blocks.empty());
    auto parent = stored.parent_hash;
    for (const kv_block& block : stored.blocks) {
      REQUIRE((!parent || blocks_.count(*parent) == 1));
      REQUIRE(blocks_.count(block.block_hash) == 0);
      blocks_[block.block_hash] = {block.block_hash, block.tokens_hash, parent};
      parent = block.block_hash;
    }
  }

  void remove(const kv_removed& removed) {
    for (const std::uint64_t hash : removed.block_hashes) {
      REQUIRE(blocks_.erase(hash) == 1);
    }
  }

  std::map<std::uint64_t, cached_block> blocks_;
  std::uint64_t event_id_ = 0;
};

} // namespace

TEST_CASE("an index that applies every batch equals the cache at each step") {
  const auto seed = GENERATE(1U, 2U, 3U);
  std::mt19937 random{seed};
  auto crowded = options();
  crowded.cache_blocks = 60;
  crowded.concurrency = 5;
  crowded.queue_max = 3;
  engine_core core{crowded};
  replayed_index index;
  sim_time now{0};
  std::size_t refused = 0;

  for (int round = 0; round < 2000; ++round) {
    if (random() % 3 == 0) {
      const std::uint64_t first = random() % 6 * 100;
      refused +=
          core.submit(request(first, 1 + random() % 80, 1 + random() % 30), now)
              ? 0
              : 1;
    }
    const sim_time end = now + std::chrono::milliseconds{random() % 40};
    for (now = std::min(core.next_due(), end); now < end;
         now = std::min(core.next_due(), end)) {
      for (const engine_step& step : core.step(now)) {
        index.apply(step.changes);
      }
      REQUIRE(index.equals(core.cache()));
    }
    for (const engine_step& step : core.step(end)) {
      index.apply(step.changes);
    }
    REQUIRE(index.event_id() == core.event_id());
    REQUIRE(index.equals(core.cache()));
    REQUIRE(core.cache().used() <= 60);
  }
  CHECK(index.event_id() > 500);
  CHECK(refused > 0);
}

TEST_CASE("clear tells that the cache is empty, as one event") {
  engine_core core{options()};
  REQUIRE(core.submit(request(1, 40, 1), sim_time{0}));
  CHECK(core.clear(sim_time{0}).error().code == errc::unavailable);
  core.step(std::chrono::seconds{1});
  CHECK(core.cache().cached() == 10);

  const auto step = core.clear(std::chrono::seconds{1});
  REQUIRE(step);
  REQUIRE(step->changes.size() == 1);
  CHECK(step->changes.front().event.event_id == core.event_id());
  CHECK(std::holds_alternative<kv_cleared>(step->changes.front().event.data));
  CHECK(core.cache().cached() == 0);
}
