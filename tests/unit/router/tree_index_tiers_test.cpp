#include "dynamo/router/tree_index.hpp"

#include <algorithm>

#include "support/catch.hpp"
#include "unit/router/index_events.hpp"

using namespace dynamo;
using namespace dynamo::testing;

TEST_CASE("a clear empties all tiers of its rank alone") {
  tree_index index;
  for (const worker_rank& rank : {one, worker_rank{1, 1}}) {
    index.apply(rank, stored({}, {1, 2}), device);
    index.apply(rank, stored(2, {3}), host);
    index.apply(rank, stored(3, {4}), disk);
  }
  CHECK(index.apply(one, cleared(), device).removed == 4);
  CHECK(index.find_matches(query({1, 2, 3, 4})) == rows{{{1, 1}, 2, 3, 4}});
}

TEST_CASE("the lower tiers continue where the device ends, each once") {
  // Block and tier of each stored block; then device, host and disk depth.
  struct pattern {
    std::vector<std::pair<std::uint64_t, storage_tier>> held;
    std::vector<std::uint32_t> depths;
  };
  const auto [held, depths] = GENERATE(
      pattern{{{1, device}, {2, host}, {3, disk}}, {1, 2, 3}},
      pattern{{{1, device}, {2, disk}, {3, host}}, {1, 1, 2}},
      pattern{{{1, device}, {2, disk}, {3, outside}}, {1, 1, 3}},
      pattern{{{1, device}, {2, outside}, {3, disk}}, {1, 1, 2}},
      pattern{{{1, device}, {2, disk}, {3, outside}, {4, disk}}, {1, 1, 3}},
      pattern{{{1, device}, {2, host}, {3, disk}, {4, outside}, {5, host}},
              {1, 2, 4}},
      pattern{{{1, host}, {2, host}}, {0, 2, 2}});
  tree_index index;
  for (const auto& [block, tier] : held) {
    std::optional<std::uint64_t> parent;
    if (block > 1)
      parent = block - 1;
    index.apply(one, stored(parent, {block}), tier);
  }
  CHECK(index.find_matches(query({1, 2, 3, 4, 5})) ==
        rows{{one, depths[0], depths[1], depths[2]}});
}

TEST_CASE("a lower tier that does not follow on matches nothing") {
  tree_index index;
  index.apply(one, stored(1, {2, 3}), host);
  CHECK(index.find_matches(query({1, 2, 3})).empty());
  CHECK(index.find_matches(query({2, 3})).empty());
}

TEST_CASE("a lower tier takes any parent and removes only what is named") {
  tree_index index;
  CHECK(index.apply(one, stored(77, {1, 2, 3}), host).stored == 3);
  CHECK(index.apply(one, removed({2, 9}), host).outcome ==
        apply_outcome::block_unknown);
  CHECK(index.blocks(one) == dynamo::tier_counts{0, 2, 0, 0});
}

TEST_CASE("a lower tier block stored elsewhere moves") {
  tree_index index;
  index.apply(one, stored_as({}, 1, 101), host);
  CHECK(index.apply(one, stored_as({}, 1, 105), host).stored == 1);
  CHECK(index.find_matches(query({1})).empty());
  CHECK(index.find_matches(query({5})) == rows{{one, 0, 1, 1}});
  CHECK(index.blocks(one)[1] == 1);
}

TEST_CASE("a lower tier block stays while worker or cache owner holds it") {
  tree_index index;
  index.apply(one, stored({}, {1}), host, residency_domain::worker);
  index.apply(one, stored({}, {1, 2}), host, residency_domain::cache_owner);
  index.apply(one, removed({1}), host, residency_domain::cache_owner);
  CHECK(index.find_matches(query({1, 2})) == rows{{one, 0, 2, 2}});
  index.apply(one, cleared(), device, residency_domain::worker);
  CHECK(index.blocks(one)[1] == 1);
  index.apply(one, cleared(), device);
  CHECK(index.blocks(one)[1] == 0);
}

TEST_CASE("a dump lists each tier's blocks with parents first") {
  tree_index index;
  index.apply(one, stored({}, {1, 2}), device);
  index.apply(one, stored(1, {3}), device);
  index.apply(one, stored(5, {6}), host);
  index.apply(one, stored(2, {5}), host);
  const auto dump = index.dump(one);
  REQUIRE(dump.size() == 5);
  const auto position = [&](std::uint64_t hash) {
    return std::find_if(dump.begin(), dump.end(),
                        [&](const held_block& held) {
                          return held.block_hash == hash;
                        }) -
           dump.begin();
  };
  CHECK(dump[0] == held_block{1, 101, {}, device});
  CHECK(position(2) < 3);
  CHECK(position(3) < 3);
  CHECK(dump[3] == held_block{5, 105, 2, host});
  CHECK(dump[4] == held_block{6, 106, 5, host});
}

TEST_CASE("a dump survives a circle of parents in a lower tier") {
  tree_index index;
  index.apply(one, stored(2, {1}), host);
  index.apply(one, stored(1, {2}), host);
  CHECK(index.dump(one).size() == 2);
}
