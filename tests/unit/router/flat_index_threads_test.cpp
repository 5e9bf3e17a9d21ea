#include "dynamo/router/flat_index.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo;
using namespace std::chrono_literals;

namespace {

using hashes = std::vector<std::uint64_t>;

constexpr std::size_t depth = 24;
constexpr std::uint64_t chains = 40;

std::uint64_t local_of(std::uint64_t chain, std::size_t position) {
  // Chains of a family share their first half.
  return position < depth / 2 ? chain / 4 * 1000 + position
                              : 1'000'000 + chain * 1000 + position;
}

hashes query_of(std::uint64_t chain) {
  hashes local;
  for (std::size_t i = 0; i < depth; ++i)
    local.push_back(local_of(chain, i));
  return local;
}

std::uint64_t name_of(std::uint64_t chain, std::size_t position,
                      std::uint64_t engine) {
  return (local_of(chain, position) + 1) * 16 + engine;
}

/// The first `count` blocks of a chain, as an engine names them.
kv_cache_event stored(std::uint64_t chain, std::size_t count,
                      std::uint64_t engine) {
  kv_stored made;
  for (std::size_t i = 0; i < count; ++i)
    made.blocks.push_back({name_of(chain, i, engine), local_of(chain, i), {}});
  return {.event_id = 0, .data = made, .dp_rank = 0};
}

kv_cache_event removed(std::uint64_t chain, std::size_t position,
                       std::uint64_t engine) {
  return {.event_id = 0,
          .data = kv_removed{{name_of(chain, position, engine)}},
          .dp_rank = 0};
}

constexpr std::size_t steady_depth = depth - 3;
const worker_rank steady{1000, 0};
/// Only ever holds lower tiers.
const worker_rank steady_below{1001, 0};

/// What lookups saw that cannot be.
struct faults {
  std::atomic<std::uint64_t> steady{0};
  std::atomic<std::uint64_t> too_deep{0};
  std::atomic<std::uint64_t> twice{0};
};

void look_up(const flat_index& index, std::atomic<bool>& stop, faults& found,
             std::atomic<std::uint64_t>& lookups) {
  std::vector<rank_overlap> rows;
  std::vector<worker_rank> seen;
  for (std::uint64_t turn = 0; !stop.load(std::memory_order_relaxed); ++turn) {
    const std::uint64_t chain = turn % chains;
    index.match(query_of(chain), rows);
    int steady_rows = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].rank == steady)
        steady_rows += rows[i].device == steady_depth ? 1 : 10;
      if (rows[i].rank == steady_below)
        steady_rows += rows[i].host == steady_depth ? 1 : 10;
      // The others never hold the last block.
      if (rows[i].device >= depth || rows[i].disk > depth)
        ++found.too_deep;
      seen.push_back(rows[i].rank);
    }
    std::sort(seen.begin(), seen.end());
    found.twice +=
        std::adjacent_find(seen.begin(), seen.end()) == seen.end() ? 0 : 1;
    seen.clear();
    found.steady += steady_rows == 2 ? 0 : 1;
    lookups.fetch_add(1, std::memory_order_relaxed);
  }
}

/// One random change of a rank that is not steady.
void change(flat_index& index, std::mt19937_64& random, std::size_t ranks) {
  const std::uint64_t worker = random() % ranks;
  const worker_rank rank{worker, 0};
  const std::uint64_t chain = random() % chains;
  const std::uint64_t engine = worker % 8 == 0 ? 1 : 0;
  const std::size_t count = random() % depth;
  const std::uint64_t kind = random() % 1000;
  const storage_tier tier =
      kind % 10 == 0 ? storage_tier::host_pinned : storage_tier::device;
  if (kind < 450)
    index.apply(rank, stored(chain, count, engine), tier);
  else if (kind < 990)
    index.apply(rank, removed(chain, count, engine), tier);
  else if (kind < 997)
    index.apply(rank, {.event_id = 0, .data = kv_cleared{}, .dp_rank = 0},
                tier);
  else
    index.remove_rank(rank);
}

void hammer(const index_options& options, std::size_t ranks, int changes) {
  flat_index index{options, 7};
  for (std::uint64_t chain = 0; chain < chains; ++chain) {
    index.apply(steady, stored(chain, steady_depth, 0), storage_tier::device);
    index.apply(steady_below, stored(chain, steady_depth, 0),
                storage_tier::host_pinned);
  }
  std::atomic<bool> stop = false;
  faults found;
  std::atomic<std::uint64_t> lookups = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] { look_up(index, stop, found, lookups); });
  std::mt19937_64 random{ranks};
  for (int i = 0; i < changes || lookups.load() < 200; ++i)
    change(index, random, ranks);
  stop = true;
  for (std::thread& reader : readers)
    reader.join();
  CHECK(found.steady == 0);
  CHECK(found.too_deep == 0);
  CHECK(found.twice == 0);
  CHECK(index.size().evicted == 0);

  for (const worker_rank& rank : index.ranks())
    index.remove_rank(rank);
  for (int i = 0; i < 1000 && index.tidy(16); ++i)
    continue;
  CHECK(index.size().device_nodes == 0);
  CHECK(index.entries() == 0);
}

} // namespace

TEST_CASE("lookups beside changes never see what was never so, few ranks") {
  hammer({}, 6, 20'000);
}

TEST_CASE("lookups beside changes never see what was never so, many ranks") {
  hammer({}, 100, 20'000);
}

TEST_CASE("lookups beside evictions find no more than was stored") {
  flat_index index{{.bytes_max = 400'000}, 7};
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> lookups = 0;
  std::atomic<std::uint64_t> too_deep = 0;
  std::thread reader{[&] {
    std::vector<rank_overlap> rows;
    for (std::uint64_t turn = 0; !stop; ++turn) {
      index.match(query_of(turn % 4000), rows);
      for (const rank_overlap& row : rows)
        too_deep += row.device > row.rank.worker_id % depth ? 1 : 0;
      ++lookups;
    }
  }};
  std::mt19937_64 random{3};
  std::uint64_t over = 0;
  // Nothing is evicted while the reader stands still in a lookup, which on a
  // busy machine may be during all of the first changes.
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  const auto is_enough = [&] {
    return (lookups.load() >= 200 && index.size().evicted > 1000) ||
           std::chrono::steady_clock::now() > deadline;
  };
  for (int i = 0; i < 8'000 || !is_enough(); ++i) {
    const std::uint64_t worker = random() % 50;
    index.apply({worker, 0}, stored(random() % 4000, worker % depth, 0),
                storage_tier::device);
    over += index.size().bytes > 400'000 ? 1 : 0;
  }
  stop = true;
  reader.join();
  CHECK(too_deep == 0);
  CHECK(over == 0);
  CHECK(index.size().evicted > 1000);
}
