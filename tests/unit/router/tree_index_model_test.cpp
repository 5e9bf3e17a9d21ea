#include "dynamo/router/tree_index.hpp"

#include <map>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "support/catch.hpp"
#include "support/sample_size.hpp"
#include "unit/router/index_model.hpp"

using namespace dynamo;
using dynamo::testing::hash_row;
using dynamo::testing::model;
using dynamo::testing::path;

namespace {

/// Whether a name always stands for one path, as engines name blocks.
enum class naming { unique, colliding };

/// Random events over few hashes, so that they meet.
class event_source {
 public:
  event_source(std::uint64_t seed, naming names)
      : random_(seed)
      , names_(names) {}

  worker_rank rank() { return {1 + below(3), static_cast<uint32_t>(below(2))}; }

  storage_tier tier() {
    return below(3) > 0 ? storage_tier::device
                        : static_cast<storage_tier>(below(4));
  }

  kv_cache_event event() {
    kv_cache_event made;
    const std::uint64_t kind = below(100);
    if (kind < 68)
      made.data = stored();
    else if (kind < 98)
      made.data = removed();
    else
      made.data = kv_cleared{};
    return made;
  }

  hash_row query() {
    hash_row local;
    for (std::uint64_t i = 0, size = below(8); i < size; ++i)
      local.push_back(below(3));
    return local;
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  std::uint64_t name_of(const path& where) {
    if (names_ == naming::colliding && below(20) == 0)
      return below(40);
    std::uint64_t name = 1;
    for (const std::uint64_t local : where)
      name = name * 3 + local;
    return name;
  }

  kv_stored stored() {
    kv_stored made;
    path where;
    const std::uint64_t above = below(5);
    for (std::uint64_t i = 0; i < above; ++i)
      where.push_back(below(3));
    if (above > 0)
      made.parent_hash = name_of(where);
    for (std::uint64_t i = 0, count = below(5); i < count; ++i) {
      where.push_back(below(3));
      made.blocks.push_back({name_of(where), where.back(), {}});
    }
    return made;
  }

  kv_removed removed() {
    kv_removed made;
    for (std::uint64_t i = 0, count = 1 + below(3); i < count; ++i) {
      path where;
      for (std::uint64_t j = 0, size = 1 + below(6); j < size; ++j)
        where.push_back(below(3));
      made.block_hashes.push_back(name_of(where));
    }
    return made;
  }

  std::mt19937_64 random_;
  naming names_;
};

void compare_contents(const prefix_index& index, const model& expected,
                      const worker_rank& rank) {
  std::set<std::tuple<std::size_t, std::uint64_t, std::uint64_t>> held;
  tier_counts counts{};
  for (const held_block& block : index.dump(rank)) {
    const auto tier = static_cast<std::size_t>(block.tier);
    held.emplace(tier, block.block_hash, block.tokens_hash);
    ++counts[tier];
  }
  REQUIRE(held == expected.contents(rank));
  REQUIRE(counts == index.blocks(rank));
}

/// Only sound when names are unique.
void check_parents_first(const prefix_index& index, const worker_rank& rank) {
  std::set<std::pair<storage_tier, std::uint64_t>> later;
  const std::vector<held_block> dump = index.dump(rank);
  for (auto block = dump.rbegin(); block != dump.rend(); ++block) {
    later.emplace(block->tier, block->block_hash);
    if (block->parent_hash)
      REQUIRE_FALSE(later.contains({block->tier, *block->parent_hash}));
  }
}

void compare_matches(const prefix_index& index, const model& expected,
                     const hash_row& local) {
  std::vector<rank_overlap> rows;
  for (std::uint64_t worker = 1; worker <= 3; ++worker) {
    for (std::uint32_t rank = 0; rank < 2; ++rank) {
      const rank_overlap row = expected.overlap({worker, rank}, local);
      if (row.disk > 0)
        rows.push_back(row);
    }
  }
  REQUIRE(index.find_matches(local) == rows);
}

} // namespace

TEST_CASE("tree_index equals the model over random event streams") {
  std::map<apply_outcome, std::uint64_t> outcomes;
  for (std::uint64_t seed = 0; seed < dynamo::test::sample_size(200); ++seed) {
    INFO("seed " << seed);
    const naming names = seed % 2 == 0 ? naming::unique : naming::colliding;
    event_source random{seed, names};
    tree_index index;
    model expected;
    for (int step = 0; step < 150; ++step) {
      const worker_rank rank = random.rank();
      const storage_tier tier = random.tier();
      const kv_cache_event event = random.event();
      const apply_outcome outcome = index.apply(rank, event, tier).outcome;
      REQUIRE(outcome == expected.apply(rank, event, tier));
      ++outcomes[outcome];
      compare_matches(index, expected, random.query());
      REQUIRE(index.size().device_nodes == expected.nodes());
      if (random.below(200) == 0) {
        index.remove_rank(rank);
        expected.forget(rank);
      }
      if (step % 10 == 0)
        compare_contents(index, expected, rank);
      if (step % 10 == 0 && names == naming::unique)
        check_parents_first(index, rank);
    }
    for (const worker_rank& rank : index.ranks()) {
      compare_contents(index, expected, rank);
      index.remove_rank(rank);
      expected.forget(rank);
    }
    REQUIRE(index.size().device_nodes == 0);
  }
  // The streams must have met every rule.
  for (const apply_outcome outcome :
       {apply_outcome::applied, apply_outcome::duplicate,
        apply_outcome::parent_unknown, apply_outcome::block_unknown,
        apply_outcome::invalid})
    CHECK(outcomes[outcome] > dynamo::test::sample_size(10));
}
