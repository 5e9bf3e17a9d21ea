#include "dynamo/router/tree_index.hpp"

#include <algorithm>

#include "support/catch.hpp"
#include "unit/router/index_events.hpp"

using namespace dynamo;
using namespace dynamo::testing;

TEST_CASE("an empty index matches nothing") {
  const tree_index index;
  CHECK(index.find_matches(query({1, 2})).empty());
  CHECK(index.find_matches({}).empty());
}

TEST_CASE("a match is as deep as the rank's blocks reach without a hole") {
  tree_index index;
  index.apply(one, stored({}, {1, 2, 3}), device);
  index.apply(two, stored({}, {1, 2}), device);
  CHECK(index.find_matches(query({1, 2, 3, 4})) ==
        rows{{one, 3, 3, 3}, {two, 2, 2, 2}});
  CHECK(index.find_matches(query({1})) == rows{{one, 1, 1, 1}, {two, 1, 1, 1}});
  CHECK(index.find_matches(query({2, 3})).empty());
}

TEST_CASE("an event below an unknown parent is skipped whole") {
  tree_index index;
  index.apply(one, stored({}, {1}), device);
  // Known to another rank is not known.
  CHECK(index.apply(two, stored(1, {2, 3}), device).outcome ==
        apply_outcome::parent_unknown);
  CHECK(index.blocks(two)[0] == 0);
}

TEST_CASE("a block that is its own parent makes the event invalid") {
  tree_index index;
  CHECK(index.apply(one, stored(1, {1}), device).outcome ==
        apply_outcome::invalid);
  CHECK(index.apply(one, stored({}, {1, 2, 2}), device).outcome ==
        apply_outcome::invalid);
  CHECK(index.size().device_nodes == 0);
}

TEST_CASE("a name that the rank gave another block is refused") {
  tree_index index;
  index.apply(one, stored({}, {1, 2}), device);
  const auto report = index.apply(one, stored(2, {3, 1, 4}), device);
  CHECK(report.outcome == apply_outcome::invalid);
  CHECK(report.stored == 1);
  CHECK(index.blocks(one)[0] == 3);
}

TEST_CASE("the same name may stand for different blocks of two ranks") {
  tree_index index;
  index.apply(one, stored_as({}, 1, 101), device);
  index.apply(two, stored_as({}, 1, 777), device);
  CHECK(index.find_matches(hashes{101}) == rows{{one, 1, 1, 1}});
  CHECK(index.find_matches(hashes{777}) == rows{{two, 1, 1, 1}});
  index.apply(one, removed({1}), device);
  CHECK(index.find_matches(hashes{777}) == rows{{two, 1, 1, 1}});
}

TEST_CASE("what is stored again is a duplicate") {
  tree_index index;
  index.apply(one, stored({}, {1, 2}), device);
  const auto report = index.apply(one, stored({}, {1, 2}), device);
  CHECK(report.outcome == apply_outcome::duplicate);
  CHECK(report.duplicates == 2);
  CHECK(index.apply(one, stored(2, {3}), device).outcome ==
        apply_outcome::applied);
  CHECK(index.apply(one, stored({}, {}), device).outcome ==
        apply_outcome::applied);
}

TEST_CASE("a removed block takes the rest of its run along") {
  tree_index index;
  index.apply(one, stored({}, {1, 2, 3, 4}), device);
  CHECK(index.apply(one, removed({2}), device).removed == 3);
  CHECK(index.apply(one, stored(3, {6}), device).outcome ==
        apply_outcome::parent_unknown);
  CHECK(index.apply(one, removed({4}), device).outcome ==
        apply_outcome::block_unknown);
  // Storing it again does not bring them back.
  index.apply(one, stored(1, {2}), device);
  CHECK(index.find_matches(query({1, 2, 3})) == rows{{one, 2, 2, 2}});
}

TEST_CASE("an event may name blocks that go with one that it named before") {
  tree_index index;
  index.apply(one, stored({}, {1, 2, 3}), device);
  CHECK(index.apply(one, removed({2, 3}), device).outcome ==
        apply_outcome::applied);
}

TEST_CASE("all below the end of a run goes when nobody holds that end") {
  tree_index index;
  index.apply(one, stored({}, {1, 2}), device);
  index.apply(one, stored(2, {3}), device);
  index.apply(one, stored(2, {4}), device);
  index.apply(two, stored({}, {1}), device);
  CHECK(index.apply(one, removed({2}), device).removed == 3);
  CHECK(index.size().device_nodes == 1);
}

TEST_CASE("what lies below a hole stays while others hold the whole run") {
  tree_index index;
  for (const worker_rank& rank : {one, two}) {
    index.apply(rank, stored({}, {1, 2}), device);
    index.apply(rank, stored(2, {3}), device);
    index.apply(rank, stored(2, {4, 5}), device);
  }
  index.apply(one, removed({2}), device);
  CHECK(index.find_matches(query({1, 2, 3})) ==
        rows{{one, 1, 1, 1}, {two, 3, 3, 3}});
  CHECK(index.blocks(one)[0] == 4);
  CHECK(index.dump(one).size() == 4);

  SECTION("and counts again when the hole is filled") {
    index.apply(one, stored(1, {2}), device);
    CHECK(index.find_matches(query({1, 2, 4, 5})) ==
          rows{{one, 4, 4, 4}, {two, 4, 4, 4}});
    CHECK(index.dump(one).size() == 5);
  }
  SECTION("and goes with the others") {
    index.apply(two, removed({1}), device);
    CHECK(index.blocks(one)[0] == 1);
    CHECK(index.size().device_nodes == 1);
  }
  SECTION("and goes with its rank") {
    index.apply(one, cleared(), device);
    CHECK(index.blocks(one)[0] == 0);
    CHECK(index.blocks(two)[0] == 5);
  }
}

TEST_CASE("a removal takes nothing from other ranks") {
  tree_index index;
  index.apply(one, stored({}, {1, 2}), device);
  index.apply(two, stored({}, {1, 2}), device);
  index.apply(one, removed({1}), device);
  CHECK(index.find_matches(query({1, 2})) == rows{{two, 2, 2, 2}});
}

TEST_CASE("an unknown removed block does not stop the others") {
  tree_index index;
  index.apply(one, stored({}, {1, 2}), device);
  const auto report = index.apply(one, removed({8, 2, 9}), device);
  CHECK(report.outcome == apply_outcome::block_unknown);
  CHECK(report.removed == 1);
  CHECK(report.unknown == 2);
  CHECK(index.apply(two, removed({1}), device).unknown == 1);
}

TEST_CASE("where names conflict the first one stays") {
  tree_index index;
  index.apply(one, stored_as({}, 1, 101), device);
  const auto report = index.apply(two, stored_as({}, 9, 101), device);
  CHECK(report.conflicts == 1);
  CHECK(index.find_matches(query({1})) == rows{{one, 1, 1, 1}, {two, 1, 1, 1}});
  REQUIRE(index.dump(two).size() == 1);
  CHECK(index.dump(two)[0].block_hash == 1);

  SECTION("and neither name is a parent for the other rank") {
    for (const std::uint64_t name : {1U, 9U})
      CHECK(index.apply(two, stored(name, {5}), device).outcome ==
            apply_outcome::parent_unknown);
  }
  SECTION("and neither name removes the block, but a clear does") {
    CHECK(index.apply(two, removed({1, 9}), device).unknown == 2);
    CHECK(index.blocks(two)[0] == 1);
    index.apply(two, cleared(), device);
    CHECK(index.blocks(two)[0] == 0);
  }
  SECTION("and blocks that follow in the same event are stored") {
    kv_cache_event both = stored_as({}, 9, 101);
    std::get<kv_stored>(both.data).blocks.push_back({8, 108, {}});
    CHECK(index.apply(two, both, device).stored == 1);
    CHECK(index.apply(two, removed({8}), device).removed == 1);
  }
  SECTION("and the right name, stored later, heals it") {
    index.apply(two, stored_as({}, 1, 101), device);
    CHECK(index.apply(two, removed({1}), device).removed == 1);
  }
}

TEST_CASE("removing a rank removes its blocks and no other's") {
  tree_index index;
  for (std::uint32_t rank = 0; rank < 3; ++rank)
    index.apply({1, rank}, stored({}, {1, 2}), device);
  index.apply(two, stored({}, {1}), device);
  for (std::uint32_t rank = 0; rank < 3; ++rank)
    CHECK(index.remove_rank({1, rank}) == 2);
  CHECK(index.ranks() == std::vector<worker_rank>{two});
  CHECK(index.size().device_nodes == 1);
}

TEST_CASE("a removed rank's number does not leak its blocks to the next") {
  tree_index index;
  index.apply(one, stored({}, {1}), device);
  CHECK(index.remove_rank(one) == 1);
  CHECK(index.remove_rank(one) == 0);
  index.apply(two, stored({}, {2}), device);
  CHECK(index.find_matches(query({1})).empty());
  CHECK(index.find_matches(query({2})) == rows{{two, 1, 1, 1}});
}

TEST_CASE("the memory of removed blocks is returned") {
  tree_index index;
  index.apply(one, stored({}, {1}), device);
  const std::uint64_t before = index.size().bytes;
  for (std::uint64_t chain = 0; chain < 50; ++chain) {
    hashes blocks;
    for (std::uint64_t i = 0; i < 200; ++i)
      blocks.push_back(1000 + chain * 200 + i);
    index.apply(one, stored({}, blocks), device);
    index.apply(two, stored({}, blocks), host);
  }
  CHECK(index.size().bytes > before + 10'000 * 100);
  index.remove_rank(two);
  for (std::uint64_t chain = 0; chain < 50; ++chain)
    index.apply(one, removed({1000 + chain * 200}), device);
  CHECK(index.size().device_nodes == 1);
  CHECK(index.size().bytes < before + 8192);
}

TEST_CASE("a very long chain is removed without recursion") {
  tree_index index;
  hashes blocks;
  for (std::uint64_t i = 1; i <= 100'000; ++i)
    blocks.push_back(i);
  index.apply(one, stored({}, blocks), device);
  CHECK(index.find_matches(query(blocks)) ==
        rows{{one, 100'000, 100'000, 100'000}});
  CHECK(index.apply(one, removed({1}), device).removed == 100'000);
}

TEST_CASE("blocks beyond the limit are not indexed") {
  tree_index index{{.blocks_max = 3, .ranks_max = 10}};
  const auto report = index.apply(one, stored({}, {1, 2, 3, 4}), device);
  CHECK(report.outcome == apply_outcome::full);
  CHECK(report.stored == 3);
  CHECK(index.apply(one, stored({}, {5}), host).outcome == apply_outcome::full);
  index.apply(one, removed({3}), device);
  CHECK(index.apply(one, stored({}, {5}), host).outcome ==
        apply_outcome::applied);
}

TEST_CASE("ranks beyond the limit are not indexed") {
  tree_index index{{.blocks_max = 100, .ranks_max = 1}};
  index.apply(one, stored({}, {1}), device);
  CHECK(index.apply(two, stored({}, {1}), device).outcome ==
        apply_outcome::full);
}

TEST_CASE("an index of too many bytes takes no more") {
  tree_index index{{.bytes_max = 100'000}};
  apply_outcome last = apply_outcome::applied;
  for (std::uint64_t i = 0; i < 10'000 && last == apply_outcome::applied; ++i)
    last = index.apply(one, stored({}, {i}), device).outcome;
  CHECK(last == apply_outcome::full);
  CHECK(index.size().bytes < 250'000);
}
