#include "dynamo/router/flat_index.hpp"

#include <algorithm>
#include <vector>

#include "support/catch.hpp"
#include "unit/router/index_events.hpp"

using namespace dynamo;
using namespace dynamo::testing;

namespace {

void tidy_all(flat_index& index) {
  while (index.tidy(16))
    continue;
}

} // namespace

TEST_CASE("an empty flat index matches nothing") {
  const flat_index index;
  CHECK(index.find_matches(query({1, 2})).empty());
  CHECK(index.find_matches({}).empty());
}

TEST_CASE("what hangs below a removed block is unmatchable until it is back") {
  flat_index index;
  index.apply(one, stored({}, {1, 2, 3, 4}), device);
  CHECK(index.apply(one, removed({2}), device).removed == 1);
  CHECK(index.find_matches(query({1, 2, 3, 4})) == rows{{one, 1, 1, 1}});
  CHECK(index.blocks(one)[0] == 3);
  index.apply(one, stored(1, {2}), device);
  CHECK(index.find_matches(query({1, 2, 3, 4})) == rows{{one, 4, 4, 4}});
}

TEST_CASE("a block below a hole is still a parent") {
  flat_index index;
  index.apply(one, stored({}, {1, 2, 3}), device);
  index.apply(one, removed({2}), device);
  CHECK(index.apply(one, stored(3, {4}), device).stored == 1);
  index.apply(one, stored(1, {2}), device);
  CHECK(index.find_matches(query({1, 2, 3, 4})) == rows{{one, 4, 4, 4}});
}

TEST_CASE("a removal takes nothing from other ranks of the flat index") {
  flat_index index;
  index.apply(one, stored({}, {1, 2}), device);
  index.apply(two, stored({}, {1, 2}), device);
  index.apply(one, removed({1, 2}), device);
  CHECK(index.find_matches(query({1, 2})) == rows{{two, 2, 2, 2}});
}

TEST_CASE("ranks that name a block differently are all followed") {
  flat_index index;
  index.apply(one, stored_as({}, 1, 101), device);
  const auto report = index.apply(two, stored_as({}, 9, 101), device);
  CHECK(report.conflicts == 1);
  CHECK(index.find_matches(query({1})) == rows{{one, 1, 1, 1}, {two, 1, 1, 1}});

  SECTION("each name is a parent for its rank alone") {
    CHECK(index.apply(two, stored(9, {5}), device).stored == 1);
    CHECK(index.apply(two, stored(1, {6}), device).outcome ==
          apply_outcome::parent_unknown);
    CHECK(index.apply(one, stored(9, {6}), device).outcome ==
          apply_outcome::parent_unknown);
  }
  SECTION("each name removes the block from its rank alone") {
    CHECK(index.apply(two, removed({1}), device).unknown == 1);
    CHECK(index.apply(two, removed({9}), device).removed == 1);
    CHECK(index.find_matches(query({1})) == rows{{one, 1, 1, 1}});
  }
  SECTION("each dump has the rank's own name") {
    CHECK(index.dump(one).front().block_hash == 1);
    CHECK(index.dump(two).front().block_hash == 9);
  }
  SECTION("the second name stays when the first rank goes") {
    index.remove_rank(one);
    tidy_all(index);
    CHECK(index.apply(two, removed({9}), device).removed == 1);
    tidy_all(index);
    CHECK(index.entries() == 0);
  }
  SECTION("lower tiers go on from the rank's own name") {
    index.apply(two, stored(9, {5}), host);
    CHECK(index.find_matches(query({1, 5})) ==
          rows{{one, 1, 1, 1}, {two, 1, 2, 2}});
  }
}

TEST_CASE("with the first name staying, a conflicting block has none") {
  flat_index index{{.conflicts = conflict_policy::first}};
  index.apply(one, stored_as({}, 1, 101), device);
  CHECK(index.apply(two, stored_as({}, 9, 101), device).conflicts == 1);
  CHECK(index.apply(two, removed({1, 9}), device).unknown == 2);
  CHECK(index.blocks(two)[0] == 1);
  SECTION("the right name heals it") {
    index.apply(two, stored_as({}, 1, 101), device);
    CHECK(index.apply(two, removed({1}), device).removed == 1);
  }
  SECTION("a clear removes it") {
    index.apply(two, cleared(), device);
    CHECK(index.find_matches(query({1})) == rows{{one, 1, 1, 1}});
  }
}

TEST_CASE("a rank that is cleared is out of all answers at once") {
  flat_index index;
  index.apply(one, stored({}, {1, 2, 3}), device);
  index.apply(one, stored(3, {4}), host);
  index.apply(two, stored({}, {1}), device);
  CHECK(index.apply(one, cleared(), device).removed == 4);
  CHECK(index.find_matches(query({1, 2, 3, 4})) == rows{{two, 1, 1, 1}});
  CHECK(index.blocks(one) == tier_counts{});
  CHECK(index.dump(one).empty());
  CHECK(index.apply(one, removed({1}), device).unknown == 1);
  CHECK(index.ranks() == std::vector<worker_rank>{one, two});

  index.apply(one, stored({}, {1}), device);
  CHECK(index.find_matches(query({1, 2})) ==
        rows{{one, 1, 1, 1}, {two, 1, 1, 1}});
  tidy_all(index);
  CHECK(index.size().device_nodes == 1);
  CHECK(index.find_matches(query({1, 2})) ==
        rows{{one, 1, 1, 1}, {two, 1, 1, 1}});
}

TEST_CASE("clears are swept by the events that follow") {
  flat_index index;
  hashes blocks(1000);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    blocks[i] = i + 1;
  index.apply(one, stored({}, blocks), device);
  index.apply(one, cleared(), device);
  for (int i = 0; i < 40; ++i)
    index.apply(two, stored({}, {5}), device);
  CHECK(index.size().device_nodes == 1);
}

TEST_CASE("numbers of ranks that left are used again") {
  flat_index index;
  // Far more than there are numbers.
  for (std::uint64_t worker = 0; worker < 100'000; ++worker) {
    const worker_rank rank{worker, 0};
    if (index.apply(rank, stored({}, {1}), device).stored != 1)
      FAIL("worker " << worker << " got no number");
    if (worker >= 10)
      index.remove_rank({worker - 10, 0});
  }
  CHECK(index.find_matches(query({1})).size() == 10);
}

TEST_CASE("thousands of ranks may share a block, and leave it again") {
  flat_index index;
  const std::uint64_t ranks = 5000;
  for (std::uint64_t worker = 0; worker < ranks; ++worker) {
    index.apply({worker, 0}, stored({}, {1, 2, 3}), device);
    index.apply({worker, 0}, removed({worker % 2 == 0 ? 2U : 3U}), device);
  }
  const rows found = index.find_matches(query({1, 2, 3}));
  REQUIRE(found.size() == ranks);
  for (std::uint64_t worker = 0; worker < ranks; ++worker) {
    if (found[worker].device != (worker % 2 == 0 ? 1U : 2U))
      FAIL("worker " << worker);
  }
  CHECK(index.size().device_nodes == 3);
  // A bit for each and a little more.
  CHECK(index.size().bytes < 1'500'000);
  for (std::uint64_t worker = 0; worker < ranks; ++worker)
    index.apply({worker, 0}, removed({1, 2, 3}), device);
  tidy_all(index);
  CHECK(index.entries() == 0);
}

TEST_CASE("a worker's clear leaves what its cache owner holds") {
  flat_index index;
  index.apply(one, stored({}, {1}), device);
  index.apply(one, stored({}, {1, 2}), host, residency_domain::cache_owner);
  index.apply(one, stored({}, {1}), host, residency_domain::worker);
  index.apply(one, cleared(), device, residency_domain::worker);
  CHECK(index.find_matches(query({1, 2})) == rows{{one, 0, 2, 2}});
  CHECK(index.apply(one, cleared(), device, residency_domain::cache_owner)
            .removed == 2);
  CHECK(index.find_matches(query({1, 2})).empty());
}

TEST_CASE("the memory of removed blocks is returned by the flat index") {
  flat_index index;
  index.apply(one, stored({}, {1}), device);
  const std::uint64_t before = index.size().bytes;
  for (std::uint64_t chain = 0; chain < 50; ++chain) {
    hashes blocks;
    for (std::uint64_t i = 0; i < 200; ++i)
      blocks.push_back(1000 + chain * 200 + i);
    index.apply(one, stored({}, blocks), device);
    index.apply(two, stored({}, blocks), host);
  }
  const std::uint64_t most = index.size().bytes - before;
  CHECK(most > 20'000 * 32);
  CHECK(most < 20'000 * 64);
  index.remove_rank(two);
  for (std::uint64_t block = 0; block < 10'000; ++block)
    index.apply(one, removed({1000 + block}), device);
  tidy_all(index);
  CHECK(index.size().device_nodes == 1);
  CHECK(index.size().bytes < before + 16 * 1024);
}

TEST_CASE("a very long chain is stored, matched and removed") {
  flat_index index;
  hashes blocks;
  for (std::uint64_t i = 1; i <= 100'000; ++i)
    blocks.push_back(i);
  index.apply(one, stored({}, blocks), device);
  CHECK(index.find_matches(query(blocks)) ==
        rows{{one, 100'000, 100'000, 100'000}});
  CHECK(index.apply(one, removed(blocks), device).removed == 100'000);
  tidy_all(index);
  CHECK(index.entries() == 0);
}

TEST_CASE("ranks beyond the limit are not taken by the flat index") {
  flat_index index{{.ranks_max = 1}};
  index.apply(one, stored({}, {1}), device);
  CHECK(index.apply(two, stored({}, {1}), device).outcome ==
        apply_outcome::full);
  CHECK(index.ranks() == std::vector<worker_rank>{one});
}

TEST_CASE("match leaves nothing of what was in its vector") {
  flat_index index;
  index.apply(one, stored({}, {1}), device);
  rows out{{two, 7, 7, 7}};
  index.match(query({1}), out);
  CHECK(out == rows{{one, 1, 1, 1}});
}
