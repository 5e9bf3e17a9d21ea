#include "apps/worker/block_cache.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "support/catch.hpp"

using namespace dynamo::apps;

namespace {

/// Blocks of a sequence whose names are made of all numbers up to them.
std::vector<prompt_block> sequence(const std::vector<std::uint64_t>& content) {
  std::vector<prompt_block> blocks;
  std::uint64_t name = 7;
  for (const std::uint64_t tokens : content) {
    name = name * 1'000'003 + tokens;
    blocks.push_back({name, tokens});
  }
  return blocks;
}

cache_lease acquired(block_cache& cache,
                     const std::vector<prompt_block>& prompt,
                     std::size_t private_blocks = 0) {
  auto outcome = cache.acquire(prompt, private_blocks);
  REQUIRE(outcome);
  return std::move(outcome->lease);
}

void fill(block_cache& cache, const std::vector<prompt_block>& prompt) {
  cache_lease lease = acquired(cache, prompt);
  cache.commit(lease);
  cache.release(std::move(lease));
}

/// What routers know, from the cache's reports alone.
class replayed_cache {
 public:
  void apply(const std::vector<stored_run>& runs) {
    for (const stored_run& run : runs) {
      auto parent = run.parent_hash;
      for (const prompt_block& block : run.blocks) {
        REQUIRE((!parent || blocks_.count(*parent) == 1));
        const bool added = blocks_
                               .emplace(block.block_hash,
                                        cached_block{block.block_hash,
                                                     block.tokens_hash, parent})
                               .second;
        REQUIRE(added);
        parent = block.block_hash;
      }
    }
  }

  void apply(const std::vector<std::uint64_t>& evicted) {
    for (const std::uint64_t hash : evicted) {
      const auto found = blocks_.find(hash);
      REQUIRE(found != blocks_.end());
      blocks_.erase(found);
      const bool orphans =
          std::any_of(blocks_.begin(), blocks_.end(), [&](const auto& block) {
            return block.second.parent_hash == hash;
          });
      REQUIRE_FALSE(orphans);
    }
  }

  bool equals(const std::vector<cached_block>& content) const {
    std::map<std::uint64_t, cached_block> other;
    for (const cached_block& block : content) {
      other.emplace(block.block_hash, block);
    }
    return other.size() == content.size() && other == blocks_;
  }

 private:
  std::map<std::uint64_t, cached_block> blocks_;
};

/// How many distinct cached blocks the leases refer to, and their places.
std::size_t places(const std::vector<cache_lease>& leases) {
  std::set<std::uint64_t> shared;
  std::size_t reserved = 0;
  for (const cache_lease& lease : leases) {
    for (std::size_t i = 0; i < lease.shared; ++i) {
      shared.insert(lease.prompt[i].block_hash);
    }
    reserved += lease.reserved;
  }
  return shared.size() + reserved;
}

} // namespace

TEST_CASE("a prompt is cached once it is committed, and not before") {
  block_cache cache{10};
  const auto prompt = sequence({1, 2, 3});
  cache_lease lease = acquired(cache, prompt, 2);
  CHECK(cache.lookup(prompt) == 0);
  CHECK(cache.used() == 5);

  const auto runs = cache.commit(lease);
  CHECK(runs == std::vector<stored_run>{{std::nullopt, prompt}});
  CHECK(cache.lookup(prompt) == 3);
  CHECK(cache.used() == 5);
}

TEST_CASE("released blocks stay for reuse and count as unused") {
  block_cache cache{10};
  fill(cache, sequence({1, 2, 3}));
  CHECK(cache.used() == 0);
  CHECK(cache.cached() == 3);
  CHECK(cache.lookup(sequence({1, 2, 9})) == 2);
}

TEST_CASE("a longer prompt stores only what is new, below its parent") {
  block_cache cache{10};
  const auto prompt = sequence({1, 2, 3, 4});
  fill(cache, sequence({1, 2}));
  cache_lease lease = acquired(cache, prompt);
  CHECK(lease.cached == 2);
  CHECK(
      cache.commit(lease) ==
      std::vector<stored_run>{{prompt[1].block_hash, {prompt[2], prompt[3]}}});
}

TEST_CASE("acquire changes nothing when there is no room") {
  block_cache cache{4};
  fill(cache, sequence({1}));
  const cache_lease lease = acquired(cache, sequence({5, 6}));
  CHECK_FALSE(cache.acquire(sequence({7, 8, 9}), 0));
  CHECK_FALSE(cache.acquire(sequence({1}), 2));
  CHECK(cache.lookup(sequence({1})) == 1);
  CHECK(cache.used() == 2);
}

TEST_CASE("the least recently used sequence is evicted first, tail first") {
  block_cache cache{4};
  const auto old_prompt = sequence({1, 2});
  const auto new_prompt = sequence({3, 4});
  fill(cache, old_prompt);
  fill(cache, new_prompt);
  fill(cache, old_prompt);
  const auto outcome = cache.acquire(sequence({5, 6, 7}), 0);
  REQUIRE(outcome);
  CHECK(outcome->evicted ==
        std::vector<std::uint64_t>{new_prompt[1].block_hash,
                                   new_prompt[0].block_hash,
                                   old_prompt[1].block_hash});
}

TEST_CASE("blocks in use are never evicted") {
  block_cache cache{4};
  cache_lease first = acquired(cache, sequence({1, 2}));
  cache.commit(first);
  CHECK_FALSE(cache.acquire(sequence({3, 4, 5}), 0));
  CHECK(cache.acquire(sequence({1, 2, 3}), 1));
}

TEST_CASE("two requests that compute the same prompt share its blocks") {
  block_cache cache{10};
  const auto prompt = sequence({1, 2});
  cache_lease first = acquired(cache, prompt);
  cache_lease second = acquired(cache, prompt);
  CHECK(cache.used() == 4);
  cache.commit(first);
  CHECK(cache.commit(second).empty());
  CHECK(cache.used() == 2);
  cache.release(std::move(first));
  CHECK(cache.used() == 2);
  cache.release(std::move(second));
  CHECK(cache.used() == 0);
}

TEST_CASE("a name that means another block is neither reused nor replaced") {
  block_cache cache{10};
  fill(cache, {{100, 1}, {101, 2}});
  const std::vector<prompt_block> forged{{101, 2}, {102, 3}};
  CHECK(cache.lookup(forged) == 0);
  cache_lease lease = acquired(cache, forged);
  CHECK(cache.commit(lease).empty());
  CHECK(lease.reserved == 2);
  cache.release(std::move(lease));
  CHECK(cache.used() == 0);
  CHECK(cache.lookup(std::vector<prompt_block>{{100, 1}, {101, 2}}) == 2);
}

TEST_CASE("the cache's reports add up to its content whatever happens") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U, 5U);
  std::mt19937 random{seed};
  const auto below = [&](std::size_t limit) { return random() % limit; };
  block_cache cache{24};
  replayed_cache replayed;
  std::vector<cache_lease> computing;
  std::vector<cache_lease> computed;

  for (int round = 0; round < 3000; ++round) {
    const std::size_t choice = below(4);
    if (choice < 2) {
      std::vector<std::uint64_t> content(below(8));
      for (auto& tokens : content) {
        tokens = below(2);
      }
      if (auto outcome = cache.acquire(sequence(content), below(4))) {
        replayed.apply(outcome->evicted);
        computing.push_back(std::move(outcome->lease));
      }
    } else if (choice == 2 && !computing.empty()) {
      std::swap(computing[below(computing.size())], computing.back());
      replayed.apply(cache.commit(computing.back()));
      computed.push_back(std::move(computing.back()));
      computing.pop_back();
    } else if (choice == 3 && !computed.empty()) {
      std::swap(computed[below(computed.size())], computed.back());
      cache.release(std::move(computed.back()));
      computed.pop_back();
    }
    std::vector<cache_lease> leases = computing;
    leases.insert(leases.end(), computed.begin(), computed.end());
    REQUIRE(cache.used() == places(leases));
    REQUIRE(cache.used() <= cache.capacity());
    REQUIRE(replayed.equals(cache.content()));
  }
}

TEST_CASE("clear forgets every block, and nothing while one is in use") {
  block_cache cache{10};
  fill(cache, sequence({1, 2, 3}));
  cache_lease lease = acquired(cache, sequence({1}));
  CHECK_FALSE(cache.clear());
  CHECK(cache.cached() == 3);
  cache.release(std::move(lease));
  CHECK(cache.clear());
  CHECK(cache.cached() == 0);
  CHECK(cache.lookup(sequence({1})) == 0);
  fill(cache, sequence({1, 2}));
  CHECK(cache.lookup(sequence({1, 2})) == 2);
}
