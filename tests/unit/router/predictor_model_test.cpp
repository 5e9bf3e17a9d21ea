#include "dynamo/router/block_hash.hpp"
#include "dynamo/router/predictor.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/sample_size.hpp"

// Predictions over many decisions: against a naive model, and their memory.

using namespace std::chrono_literals;
using dynamo::predictor;
using dynamo::worker_rank;

namespace {

using time_point = dynamo::clock::time_point;

constexpr time_point start{std::chrono::hours{5}};

/// Leading blocks that the rank is believed to hold.
std::uint32_t held(const predictor& in, const worker_rank& rank,
                   const std::vector<std::uint64_t>& local) {
  for (const auto& overlap : in.find_matches(local)) {
    if (overlap.rank == rank)
      return overlap.device;
  }
  return 0;
}

/// Every pair that was recorded is there or was counted where it ended.
bool adds_up(const predictor& of) {
  const auto& counts = of.counts();
  return counts.recorded == of.size() + counts.expired + counts.pruned +
                                counts.refused + counts.removed;
}

/// Every (rank, sequence hash) with its last use, looked through from end to
/// end. What was used later counts more, and in a prompt the first block most.
struct naive_model {
  struct use {
    std::uint64_t count;
    time_point at;
  };

  std::map<std::pair<worker_rank, std::uint64_t>, use> pairs;
  std::uint64_t uses = 0;

  void record(const worker_rank& rank,
              const std::vector<std::uint64_t>& sequence, time_point now) {
    for (std::size_t i = sequence.size(); i-- > 0;)
      pairs[{rank, sequence[i]}] = {++uses, now};
  }

  void prune(std::size_t max, std::size_t target) {
    if (pairs.size() <= max)
      return;
    while (pairs.size() > target)
      pairs.erase(std::min_element(pairs.begin(), pairs.end(),
                                   [](const auto& a, const auto& b) {
                                     return a.second.count < b.second.count;
                                   }));
  }

  void expire(time_point now, dynamo::clock::duration ttl) {
    std::erase_if(pairs,
                  [&](const auto& p) { return p.second.at + ttl <= now; });
  }

  void remove_rank(const worker_rank& rank) {
    std::erase_if(pairs, [&](const auto& p) { return p.first.first == rank; });
  }

  std::uint32_t held(const worker_rank& rank,
                     const std::vector<std::uint64_t>& sequence) const {
    std::uint32_t count = 0;
    while (count < sequence.size() && pairs.contains({rank, sequence[count]}))
      ++count;
    return count;
  }
};

} // namespace

TEST_CASE("predictions equal those of a naive model over random prompts") {
  predictor predicted{
      {.tree_size_max = 200, .prune_target_ratio = 0.75}, 5s, {}};
  naive_model model;
  std::mt19937 random{17};
  time_point now = start;
  for (int step = 0; step < 3000; ++step) {
    now += std::chrono::milliseconds{random() % 3 * 100};
    const worker_rank rank{random() % 4, 0};
    std::vector<std::uint64_t> local(1 + random() % 12);
    for (std::uint64_t& block : local)
      block = 1 + random() % 3;
    const auto sequence = dynamo::sequence_hashes(local);
    if (random() % 100 == 0) {
      predicted.remove_rank(rank);
      model.remove_rank(rank);
    } else {
      predicted.record(rank, local, sequence, now);
      model.record(rank, sequence, now);
      model.prune(200, 150);
    }
    predicted.expire(now);
    model.expire(now, 5s);
    REQUIRE(predicted.size() == model.pairs.size());
    REQUIRE(predicted.index().size().blocks[0] == model.pairs.size());
    REQUIRE(held(predicted, rank, local) == model.held(rank, sequence));
    REQUIRE(adds_up(predicted));
  }
}

TEST_CASE("memory is flat over a million decisions") {
  predictor predicted{{.tree_size_max = 4096}, 30s, {}};
  std::uint64_t warm = 0;
  time_point now = start;
  for (std::uint64_t i = 0; i < dynamo::test::sample_size(1'000'000);
       ++i, now += 1ms) {
    // One of 50 prompts, each eighth time with a block of its own behind it.
    const std::uint64_t text = 2 + i % 50;
    const std::uint64_t own = 1000 + i;
    const std::vector<std::uint64_t> local{text, own};
    const std::vector<std::uint64_t> sequence{1'000'000'007 * text,
                                              0x9e3779b97f4a7c15 * own};
    const std::size_t length = i % 8 == 0 ? 2 : 1;
    predicted.record({text % 8, 0}, std::span{local}.first(length),
                     std::span{sequence}.first(length), now);
    if (i % 1000 == 0)
      predicted.expire(now);
    if (i == 100'000)
      warm = predicted.heap_bytes();
    if (i % 50'000 == 0 && i > 100'000)
      REQUIRE(predicted.heap_bytes() <= warm + warm / 10);
  }
  CHECK(predicted.size() <= 4096);
  CHECK(adds_up(predicted));
}
