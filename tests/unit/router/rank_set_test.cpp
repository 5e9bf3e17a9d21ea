#include "dynamo/router/rank_set.hpp"

#include <random>
#include <set>
#include <vector>

#include "support/catch.hpp"

using dynamo::rank_set;

TEST_CASE("rank_set equals std::set over random inserts and erases") {
  std::mt19937_64 random{7};
  rank_set ranks;
  std::set<std::uint32_t> model;
  // First mostly inserts, then mostly erases, so that it grows and shrinks.
  for (int i = 0; i < 4000; ++i) {
    const auto rank = static_cast<std::uint32_t>(random() % 100);
    const bool insert =
        random() % 4 != (i < 2000 ? 0U : 1U) ? i < 2000 : i >= 2000;
    if (insert)
      REQUIRE(ranks.insert(rank) == model.insert(rank).second);
    else
      REQUIRE(ranks.erase(rank) == (model.erase(rank) == 1));
    REQUIRE(ranks.contains(rank) == model.contains(rank));
    REQUIRE(ranks.size() == model.size());
  }
  const auto left = ranks.ranks();
  CHECK(std::vector<std::uint32_t>(left.begin(), left.end()) ==
        std::vector<std::uint32_t>(model.begin(), model.end()));
}

TEST_CASE("rank_set keeps two ranks without heap, and returns it") {
  rank_set ranks;
  ranks.insert(5);
  ranks.insert(3);
  CHECK(ranks.heap_bytes() == 0);
  for (std::uint32_t rank = 10; rank < 50; ++rank)
    ranks.insert(rank);
  CHECK(ranks.heap_bytes() > 0);
  for (std::uint32_t rank = 10; rank < 50; ++rank)
    ranks.erase(rank);
  ranks.erase(3);
  CHECK(ranks.heap_bytes() == 0);
  CHECK(ranks.contains(5));
}
