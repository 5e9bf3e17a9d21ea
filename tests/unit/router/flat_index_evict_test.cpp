#include "dynamo/router/flat_index.hpp"

#include <map>
#include <random>
#include <set>
#include <vector>

#include "support/catch.hpp"
#include "unit/router/index_events.hpp"

using namespace dynamo;
using namespace dynamo::testing;

namespace {

/// Blocks of a chain of its own.
hashes chain(std::uint64_t number, std::uint64_t size = 16) {
  hashes blocks;
  for (std::uint64_t i = 1; i <= size; ++i)
    blocks.push_back(number * 1000 + i);
  return blocks;
}

std::uint64_t pairs_of(const index_size& size) {
  std::uint64_t pairs = 0;
  for (const std::uint64_t blocks : size.blocks)
    pairs += blocks;
  return pairs;
}

/// How far a walk over a rank's own dump comes.
std::uint32_t depth_in(const std::vector<held_block>& dump,
                       const hashes& local) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> children;
  for (const held_block& block : dump) {
    if (block.tier == storage_tier::device)
      children[{block.parent_hash.value_or(0), block.tokens_hash}] =
          block.block_hash;
  }
  std::uint64_t at = 0;
  std::uint32_t depth = 0;
  for (const std::uint64_t tokens : local) {
    const auto next = children.find({at, tokens});
    if (next == children.end())
      break;
    at = next->second;
    ++depth;
  }
  return depth;
}

} // namespace

TEST_CASE("the limit of bytes is never passed, and evictions are counted") {
  constexpr std::uint64_t bytes_max = 600'000;
  flat_index index{{.bytes_max = bytes_max}};
  std::uint64_t stored_blocks = 0;
  std::uint64_t removed_blocks = 0;
  std::mt19937_64 random{11};
  for (int i = 0; i < 6000; ++i) {
    const worker_rank rank{1 + random() % 20, 0};
    const storage_tier tier = random() % 4 == 0 ? host : device;
    const std::uint64_t number = random() % 5000;
    if (random() % 10 == 0) {
      removed_blocks += index.apply(rank, removed(chain(number)), tier).removed;
    } else {
      const auto report = index.apply(rank, stored({}, chain(number)), tier);
      if (report.outcome != apply_outcome::applied &&
          report.outcome != apply_outcome::duplicate)
        FAIL("outcome " << static_cast<int>(report.outcome));
      stored_blocks += report.stored;
    }
    if (index.size().bytes > bytes_max)
      FAIL("bytes " << index.size().bytes);
  }
  const index_size size = index.size();
  CHECK(size.evicted > 10'000);
  CHECK(pairs_of(size) + size.evicted + removed_blocks == stored_blocks);
  std::uint64_t by_rank = 0;
  for (const worker_rank& rank : index.ranks())
    by_rank += index.evicted(rank);
  CHECK(by_rank == size.evicted);
  // Most of the memory is in use.
  CHECK(pairs_of(size) > bytes_max / 120);

  for (const worker_rank& rank : index.ranks()) {
    const std::vector<held_block> dump = index.dump(rank);
    tier_counts counts{};
    for (const held_block& block : dump)
      ++counts[static_cast<std::size_t>(block.tier)];
    CHECK(counts == index.blocks(rank));
    for (std::uint64_t number = 0; number < 200; ++number) {
      const hashes local = query(chain(number));
      std::uint32_t depth = 0;
      for (const rank_overlap& row : index.find_matches(local))
        depth = row.rank == rank ? row.device : depth;
      if (depth != depth_in(dump, local))
        FAIL("chain " << number);
    }
  }
}

TEST_CASE("what is looked up stays, what is not goes") {
  flat_index index{{.blocks_max = 1600}};
  for (std::uint64_t number = 0; number < 100; ++number)
    index.apply(one, stored({}, chain(number)), device);
  for (std::uint64_t fresh = 100; fresh < 400; ++fresh) {
    for (std::uint64_t number = 0; number < 20; ++number)
      index.find_matches(query(chain(number)));
    index.apply(one, stored({}, chain(fresh)), device);
  }
  CHECK(pairs_of(index.size()) <= 1600);
  CHECK(index.evicted(one) >= 300 * 16);
  for (std::uint64_t number = 0; number < 20; ++number)
    CHECK(index.find_matches(query(chain(number))) == rows{{one, 16, 16, 16}});
  std::size_t kept = 0;
  for (std::uint64_t number = 20; number < 100; ++number)
    kept += index.find_matches(query(chain(number))).size();
  CHECK(kept == 0);
}

TEST_CASE("an eviction takes the end of a chain, never its middle") {
  flat_index index{{.blocks_max = 20}};
  index.apply(one, stored({}, chain(1)), device);
  index.apply(one, stored({}, chain(2, 8)), device);
  CHECK(index.size().evicted == 4);
  std::uint32_t matched = 0;
  for (std::uint64_t number : {1U, 2U}) {
    for (const rank_overlap& row : index.find_matches(query(chain(number))))
      matched += row.device;
  }
  // All that is left can be matched.
  CHECK(matched == 20);
}

TEST_CASE("lower tiers make room, too") {
  flat_index index{{.blocks_max = 100}};
  for (std::uint64_t number = 0; number < 20; ++number)
    index.apply(one, stored({}, chain(number)), host);
  CHECK(index.blocks(one)[1] == 100);
  CHECK(index.evicted(one) == 20 * 16 - 100);
}

TEST_CASE("a flat index that cannot hold anything says so") {
  flat_index index{{.bytes_max = 1}};
  CHECK(index.apply(one, stored({}, {1}), device).outcome ==
        apply_outcome::full);
  CHECK(index.ranks().empty());
  CHECK(index.find_matches(query({1})).empty());
}

TEST_CASE("what was cleared makes room before anything that is held") {
  flat_index index{{.bytes_max = 600'000}};
  std::uint64_t number = 0;
  while (index.size().evicted == 0)
    index.apply(two, stored({}, chain(number++)), device);
  index.apply(two, cleared(), device);
  const std::uint64_t before = index.size().evicted;
  for (std::uint64_t fresh = 0; fresh < number / 2; ++fresh)
    index.apply(one, stored({}, chain(100'000 + fresh)), device);
  CHECK(index.size().evicted == before);
}
