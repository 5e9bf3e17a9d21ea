#include "dynamo/router/active_ranks.hpp"
#include "dynamo/router/rank_word.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <random>
#include <set>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo;

namespace {

using ranks = std::set<std::uint32_t>;

struct word_fixture {
  ~word_fixture() { words.clear(word); }

  ranks all() const {
    ranks found;
    rank_word::for_each(word.load(),
                        [&](std::uint32_t rank) { found.insert(rank); });
    return found;
  }
  void free() {
    retired.end_epoch();
    retired.end_epoch();
  }

  memory_count memory{1 << 30};
  retired_blocks retired{memory};
  rank_words words{retired};
  std::atomic<std::uint64_t> word{0};
};

} // namespace

TEST_CASE("a rank word equals std::set, inside, as a list and as a bitset") {
  const auto bound = GENERATE(6U, 40U, 700U, rank_numbers_max);
  word_fixture with;
  std::mt19937_64 random{bound};
  ranks model;
  for (int i = 0; i < 6000; ++i) {
    const auto rank = static_cast<std::uint32_t>(random() % bound);
    const bool inserts = (random() % 4 != 0) == (i % 2000 < 1000);
    if (inserts && model.insert(rank).second)
      REQUIRE(with.words.insert(with.word, rank));
    else if (!inserts && model.erase(rank) == 1)
      with.words.erase(with.word, rank);
    REQUIRE(rank_word::contains(with.word.load(), rank) ==
            model.contains(rank));
    REQUIRE(rank_word::size(with.word.load()) == model.size());
    if (i % 50 == 0)
      REQUIRE(with.all() == model);
    with.free();
  }
}

TEST_CASE("four ranks need no memory, and more give it back") {
  word_fixture with;
  for (std::uint32_t rank = 1; rank <= 4; ++rank)
    with.words.insert(with.word, rank * 1000);
  CHECK(with.memory.used() == 0);
  for (std::uint32_t rank = 1; rank <= 2000; ++rank)
    with.words.insert(with.word, rank * 7 + 1);
  with.free();
  // Not more than a bit for each number.
  CHECK(with.memory.used() < 16'000 / 8 + 200);
  for (std::uint32_t rank = 1; rank <= 2000; ++rank)
    with.words.erase(with.word, rank * 7 + 1);
  with.words.erase(with.word, 1000);
  with.free();
  CHECK(with.memory.used() == 0);
}

TEST_CASE("any number of ranks below 60 needs no memory") {
  word_fixture with;
  word_fixture again;
  for (std::uint32_t rank = 0; rank < 60; ++rank) {
    with.words.insert(with.word, rank);
    again.words.insert(again.word, 59 - rank);
  }
  CHECK(with.word.load() == again.word.load());
  CHECK(with.all().size() == 60);
  CHECK_FALSE(rank_word::contains(with.word.load(), 60));
  CHECK(with.memory.used() == 0);
  for (std::uint32_t rank = 59; rank > 3; --rank)
    with.words.erase(with.word, rank);
  word_fixture four;
  for (std::uint32_t rank = 0; rank < 4; ++rank)
    four.words.insert(four.word, rank);
  CHECK(with.word.load() == four.word.load());
}

TEST_CASE("the same few ranks are the same word, in whatever order they came") {
  word_fixture one;
  word_fixture two;
  for (const std::uint32_t rank : {5U, 900U, 31U})
    one.words.insert(one.word, rank);
  for (const std::uint32_t rank : {31U, 5U, 900U})
    two.words.insert(two.word, rank);
  CHECK(one.word.load() == two.word.load());
}

TEST_CASE("active_ranks keeps the intersection and names who left") {
  std::mt19937_64 random{9};
  for (int turn = 0; turn < 300; ++turn) {
    const std::uint32_t bound = turn % 3 == 0 ? 8 : 400;
    ranks expected;
    active_ranks active;
    std::vector<word_fixture> nodes(4);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      ranks here;
      for (std::uint64_t j = 0, count = random() % bound; j < count; ++j)
        here.insert(static_cast<std::uint32_t>(random() % bound));
      for (const std::uint32_t rank : here)
        nodes[i].words.insert(nodes[i].word, rank);
      ranks left;
      if (i == 0) {
        active.start(nodes[i].word.load());
        expected = here;
      } else {
        ranks kept;
        std::set_intersection(expected.begin(), expected.end(), here.begin(),
                              here.end(), std::inserter(kept, kept.end()));
        active.keep(nodes[i].word.load(),
                    [&](std::uint32_t rank) { left.insert(rank); });
        REQUIRE(left.size() + kept.size() == expected.size());
        expected = kept;
      }
      ranks now;
      active.for_each([&](std::uint32_t rank) { now.insert(rank); });
      REQUIRE(now == expected);
      REQUIRE((expected.empty() ? active.is_empty() : !active.is_empty()));
    }
  }
}
