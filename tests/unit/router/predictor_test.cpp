#include "dynamo/router/block_hash.hpp"
#include "dynamo/router/predictor.hpp"

#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using dynamo::prediction_options;
using dynamo::predictor;
using dynamo::worker_rank;

namespace {

using time_point = dynamo::clock::time_point;

constexpr worker_rank first_rank{1, 0};
constexpr worker_rank second_rank{2, 1};
constexpr time_point start{std::chrono::hours{5}};

/// Blocks of a prompt, and the names of its prefixes.
struct prompt {
  std::vector<std::uint64_t> local;
  std::vector<std::uint64_t> sequence;

  explicit prompt(std::vector<std::uint64_t> blocks)
      : local(std::move(blocks))
      , sequence(dynamo::sequence_hashes(local)) {}
};

/// Blocks that no other prompt has.
prompt unique_prompt(std::uint64_t number, std::size_t length) {
  std::vector<std::uint64_t> blocks;
  for (std::size_t i = 0; i < length; ++i)
    blocks.push_back(number * 1000 + i + 1);
  return prompt{blocks};
}

void record(predictor& to, const worker_rank& rank, const prompt& sent,
            time_point now) {
  to.record(rank, sent.local, sent.sequence, now);
}

/// Leading blocks that the rank is believed to hold.
std::uint32_t held(const predictor& in, const worker_rank& rank,
                   const prompt& wanted) {
  for (const auto& overlap : in.find_matches(wanted.local)) {
    if (overlap.rank == rank)
      return overlap.device;
  }
  return 0;
}

std::uint64_t held_in_all(const predictor& in, const worker_rank& rank) {
  return in.index().blocks(rank)[0];
}

predictor with_ttl(dynamo::clock::duration ttl) {
  return {{}, ttl, {}};
}

predictor with_size(std::uint64_t max, double ratio) {
  return {{.tree_size_max = max, .prune_target_ratio = ratio}, 120s, {}};
}

/// Every pair that was recorded is there or was counted where it ended.
bool adds_up(const predictor& of) {
  const auto& counts = of.counts();
  return counts.recorded == of.size() + counts.expired + counts.pruned +
                                counts.refused + counts.removed;
}

} // namespace

TEST_CASE("the defaults of prediction are Dynamo's") {
  const prediction_options options;
  CHECK(options.ttl == 120s);
  CHECK(options.beside_events_ttl == 0s);
  CHECK(options.tree_size_max == 1'048'576);
  CHECK(options.prune_target_ratio == 0.8);
}

TEST_CASE("a rank is believed to hold all full blocks that it was sent") {
  predictor predicted = with_ttl(120s);
  const prompt sent{{11, 12, 13}};
  record(predicted, first_rank, sent, start);
  CHECK(held(predicted, first_rank, sent) == 3);
  CHECK(held(predicted, first_rank, prompt{{11, 12, 99}}) == 2);
  CHECK(held(predicted, first_rank, prompt{{12, 13}}) == 0);
  CHECK(held(predicted, second_rank, sent) == 0);
  CHECK(predicted.size() == 3);
}

TEST_CASE("a block's names are its local and its sequence hash") {
  predictor predicted = with_ttl(120s);
  const prompt sent{{11, 12}};
  record(predicted, first_rank, sent, start);
  const auto blocks = predicted.index().dump(first_rank);
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[0].block_hash == sent.sequence[0]);
  CHECK(blocks[0].tokens_hash == 11);
  CHECK_FALSE(blocks[0].parent_hash);
  CHECK(blocks[1].block_hash == sent.sequence[1]);
  CHECK(blocks[1].tokens_hash == 12);
  CHECK(blocks[1].parent_hash == sent.sequence[0]);
}

TEST_CASE("a block expires a time to live after it was recorded") {
  predictor predicted = with_ttl(2s);
  const prompt sent{{11, 12}};
  record(predicted, first_rank, sent, start);
  CHECK(predicted.expire(start + 1999ms) == 0);
  CHECK(held(predicted, first_rank, sent) == 2);
  CHECK(predicted.expire(start + 2s) == 2);
  CHECK(held(predicted, first_rank, sent) == 0);
  CHECK(held_in_all(predicted, first_rank) == 0);
  CHECK(predicted.size() == 0);
  CHECK(predicted.counts().expired == 2);
}

TEST_CASE("expiry is rounded up to a grid of 100 ms") {
  predictor predicted = with_ttl(2s);
  record(predicted, first_rank, prompt{{11}}, start + 1ms);
  CHECK(predicted.expire(start + 2099ms) == 0);
  CHECK(predicted.expire(start + 2100ms) == 1);
  record(predicted, first_rank, prompt{{11}}, start + 3100ms);
  CHECK(predicted.expire(start + 5099ms) == 0);
  CHECK(predicted.expire(start + 5100ms) == 1);
  record(predicted, first_rank, prompt{{11}}, start + 6s + 100ms + 1ns);
  CHECK(predicted.expire(start + 8199ms) == 0);
  CHECK(predicted.expire(start + 8200ms) == 1);
}

TEST_CASE("the same prefix sent again starts its time to live anew") {
  predictor predicted = with_ttl(2s);
  record(predicted, first_rank, prompt{{11, 12, 13}}, start);
  record(predicted, first_rank, prompt{{11, 12, 77}}, start + 1s);
  CHECK(predicted.counts().refreshed == 2);
  CHECK(predicted.expire(start + 2s) == 1);
  CHECK(held(predicted, first_rank, prompt{{11, 12, 13}}) == 2);
  CHECK(held(predicted, first_rank, prompt{{11, 12, 77}}) == 3);
  CHECK(predicted.expire(start + 3s) == 3);
}

TEST_CASE("a rank's use does not refresh another rank's blocks") {
  predictor predicted = with_ttl(2s);
  const prompt sent{{11, 12}};
  record(predicted, first_rank, sent, start);
  record(predicted, second_rank, sent, start + 1s);
  CHECK(predicted.size() == 4);
  CHECK(predicted.expire(start + 2s) == 2);
  CHECK(held(predicted, first_rank, sent) == 0);
  CHECK(held(predicted, second_rank, sent) == 2);
}

TEST_CASE("a time to live of 0 expires at once") {
  predictor predicted = with_ttl(0s);
  const prompt sent{{11, 12}};
  record(predicted, first_rank, sent, start);
  CHECK(held(predicted, first_rank, sent) == 0);
  CHECK(predicted.size() == 0);
  CHECK(predicted.counts().recorded == 2);
  CHECK(predicted.counts().expired == 2);
  CHECK(predicted.expire(start + 1s) == 0);
}

TEST_CASE("a block recorded again after it expired is there again") {
  predictor predicted = with_ttl(1s);
  const prompt sent{{11, 12}};
  for (int round = 0; round < 5; ++round) {
    const time_point now = start + round * 10s;
    record(predicted, first_rank, sent, now);
    CHECK(held(predicted, first_rank, sent) == 2);
    CHECK(predicted.expire(now + 1s) == 2);
  }
  CHECK(adds_up(predicted));
}

TEST_CASE("above the maximum the tree shrinks to the target ratio") {
  predictor predicted = with_size(10, 0.8);
  for (std::uint64_t i = 0; i < 5; ++i)
    record(predicted, first_rank, unique_prompt(i, 2), start);
  CHECK(predicted.size() == 10);
  CHECK(predicted.counts().pruned == 0);
  record(predicted, first_rank, unique_prompt(5, 1), start);
  CHECK(predicted.size() == 8);
  CHECK(predicted.counts().pruned == 3);
  CHECK(held_in_all(predicted, first_rank) == 8);
}

TEST_CASE("what was not used for longest is pruned first") {
  predictor predicted = with_size(6, 0.5);
  for (std::uint64_t i = 0; i < 3; ++i)
    record(predicted, first_rank, unique_prompt(i, 2), start + i * 1s);
  record(predicted, first_rank, unique_prompt(0, 2), start + 5s);
  record(predicted, second_rank, unique_prompt(9, 1), start + 6s);
  CHECK(held(predicted, first_rank, unique_prompt(0, 2)) == 2);
  CHECK(held(predicted, first_rank, unique_prompt(1, 2)) == 0);
  CHECK(held(predicted, first_rank, unique_prompt(2, 2)) == 0);
  CHECK(held(predicted, second_rank, unique_prompt(9, 1)) == 1);
}

TEST_CASE("of equally old blocks the deepest is pruned first") {
  predictor predicted = with_size(10, 0.8);
  const prompt old = unique_prompt(1, 10);
  record(predicted, first_rank, old, start);
  record(predicted, first_rank, unique_prompt(2, 1), start);
  CHECK(held(predicted, first_rank, old) == 7);
  CHECK(held_in_all(predicted, first_rank) == 8);
}

TEST_CASE("of a prompt longer than the tree its first blocks are kept") {
  predictor predicted = with_size(10, 0.8);
  const prompt shorter = unique_prompt(1, 10);
  record(predicted, first_rank, unique_prompt(1, 25), start);
  CHECK(predicted.size() == 10);
  CHECK(held(predicted, first_rank, shorter) == 10);
  record(predicted, second_rank, unique_prompt(2, 25), start + 1s);
  CHECK(predicted.size() == 8);
  CHECK(held(predicted, first_rank, shorter) == 0);
  CHECK(held(predicted, second_rank, unique_prompt(2, 25)) == 8);
  CHECK(adds_up(predicted));
}

TEST_CASE("a ratio of 0 prunes everything") {
  predictor predicted = with_size(4, 0);
  record(predicted, first_rank, unique_prompt(1, 4), start);
  record(predicted, first_rank, unique_prompt(2, 2), start);
  CHECK(predicted.size() == 0);
  CHECK(held_in_all(predicted, first_rank) == 0);
  CHECK(adds_up(predicted));
}

TEST_CASE("the index has room for the whole tree") {
  predictor predicted{
      {.tree_size_max = 100}, 120s, {.blocks_max = 10, .bytes_max = 1 << 20}};
  record(predicted, first_rank, unique_prompt(1, 90), start);
  CHECK(held(predicted, first_rank, unique_prompt(1, 90)) == 90);
}

TEST_CASE("prediction keeps our rules under Dynamo's for the index") {
  predictor predicted{{},
                      2s,
                      {.orphans = dynamo::orphan_policy::skip,
                       .removal = dynamo::removal_policy::cascade,
                       .conflicts = dynamo::conflict_policy::first}};
  const prompt longer{{11, 12, 13, 14}};
  record(predicted, first_rank, longer, start);
  record(predicted, first_rank, prompt{{11, 12}}, start + 1s);
  CHECK(predicted.expire(start + 2s) == 2);
  CHECK(held(predicted, first_rank, longer) == 2);
}

TEST_CASE("a removed rank is forgotten, others stay") {
  predictor predicted = with_ttl(120s);
  const prompt sent{{11, 12}};
  record(predicted, first_rank, sent, start);
  record(predicted, second_rank, sent, start);
  predicted.remove_rank(first_rank);
  CHECK(held(predicted, first_rank, sent) == 0);
  CHECK(held(predicted, second_rank, sent) == 2);
  CHECK(predicted.size() == 2);
  CHECK(predicted.counts().removed == 2);
  CHECK(predicted.index().ranks() == std::vector{second_rank});
  predicted.remove_rank(first_rank);
  CHECK(predicted.expire(start + 120s) == 2);
  CHECK(adds_up(predicted));
}

TEST_CASE("ranks that come and go leave no memory behind") {
  predictor predicted = with_ttl(120s);
  const prompt sent{{11, 12}};
  std::uint64_t warm = 0;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    record(predicted, {i, 0}, sent, start);
    predicted.remove_rank({i, 0});
    if (i == 1000)
      warm = predicted.heap_bytes();
  }
  CHECK(predicted.heap_bytes() <= warm);
  CHECK(predicted.index().ranks().empty());
}

TEST_CASE("what the index refuses is not counted as held") {
  predictor predicted{{}, 120s, {.ranks_max = 1}};
  const prompt sent{{11, 12}};
  record(predicted, first_rank, sent, start);
  record(predicted, second_rank, sent, start);
  CHECK(held(predicted, first_rank, sent) == 2);
  CHECK(predicted.size() == 2);
  CHECK(predicted.counts().refused == 2);
  CHECK(adds_up(predicted));
}

TEST_CASE("a prompt whose blocks have one name is survived") {
  predictor predicted = with_ttl(2s);
  const std::vector<std::uint64_t> local{11, 12, 13};
  const std::vector<std::uint64_t> same{5, 5, 5};
  predicted.record(first_rank, local, same, start);
  CHECK(adds_up(predicted));
  CHECK(predicted.size() == held_in_all(predicted, first_rank));
  predicted.expire(start + 2s);
  CHECK(predicted.size() == 0);
  CHECK(held_in_all(predicted, first_rank) == 0);
}

TEST_CASE("an index short of memory does not make the prediction leak") {
  predictor predicted{{.tree_size_max = 50'000}, 10s, {.bytes_max = 400'000}};
  time_point now = start;
  for (std::uint64_t i = 0; i < 3000; ++i, now += 10ms) {
    record(predicted, {i % 7, 0}, unique_prompt(i, 20), now);
    REQUIRE(predicted.size() <= 50'000);
    REQUIRE(predicted.index().size().bytes <= 500'000);
    predicted.expire(now);
  }
  CHECK(adds_up(predicted));
  predicted.expire(now + 11s);
  CHECK(predicted.size() == 0);
  CHECK(predicted.index().size().blocks[0] == 0);
}

TEST_CASE("an evicted prefix is matched again once its prompt is sent again") {
  predictor predicted{{}, 10s, {.bytes_max = 400'000}};
  for (std::uint64_t i = 0; i < 2000; ++i)
    record(predicted, first_rank, unique_prompt(i, 20), start);
  for (std::uint64_t i = 0; i < 5; ++i) {
    record(predicted, first_rank, unique_prompt(1999, 20), start + 1s);
    record(predicted, first_rank, unique_prompt(1998, 20), start + 1s);
  }
  predicted.expire(start + 11s);
  CHECK(predicted.size() == 0);
  CHECK(held_in_all(predicted, first_rank) == 0);
  record(predicted, first_rank, unique_prompt(3, 20), start + 12s);
  CHECK(held(predicted, first_rank, unique_prompt(3, 20)) == 20);
}

TEST_CASE("time that goes back does not upset the order of expiry") {
  predictor predicted = with_ttl(2s);
  record(predicted, first_rank, prompt{{11}}, start + 1s);
  record(predicted, first_rank, prompt{{12}}, start);
  CHECK(predicted.expire(start + 2900ms) == 0);
  CHECK(predicted.expire(start + 3s) == 2);
}
