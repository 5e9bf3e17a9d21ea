#include "dynamo/router/flat_index.hpp"
#include "dynamo/router/tree_index.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "fuzz/target.hpp"

using namespace dynamo;

namespace {

/// Takes the input apart; zeros when it is used up.
class input {
 public:
  input(const std::uint8_t* bytes, std::size_t size)
      : bytes_(bytes)
      , left_(size) {}

  bool is_empty() const { return left_ == 0; }

  std::uint8_t byte() {
    if (left_ == 0)
      return 0;
    --left_;
    return *bytes_++;
  }

 private:
  const std::uint8_t* bytes_;
  std::size_t left_;
};

kv_cache_event event_from(input& from, std::uint8_t kind) {
  kv_cache_event event;
  if (kind < 6) {
    kv_stored stored;
    const std::uint8_t parent = from.byte();
    if (parent % 4 != 0)
      stored.parent_hash = parent;
    const std::uint8_t count = from.byte() % 6;
    for (std::uint8_t i = 0; i < count; ++i) {
      const std::uint8_t name = from.byte();
      stored.blocks.push_back({name, name % 5U, {}});
    }
    event.data = stored;
  } else if (kind < 10) {
    kv_removed removed;
    const std::uint8_t count = 1 + from.byte() % 3;
    for (std::uint8_t i = 0; i < count; ++i)
      removed.block_hashes.push_back(from.byte());
    event.data = removed;
  } else {
    event.data = kv_cleared{};
  }
  return event;
}

void check_rows(const std::vector<rank_overlap>& rows, std::size_t asked) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const rank_overlap& row = rows[i];
    require(row.device <= row.host && row.host <= row.disk &&
                row.disk <= asked && row.disk > 0,
            "depths ascend by tier, up to what was asked");
    require(i == 0 || rows[i - 1].rank < row.rank, "rows are in order");
  }
}

/// What must hold of every index after any events.
void check(const prefix_index& index, const std::vector<std::uint64_t>& local) {
  const std::vector<rank_overlap> rows = index.find_matches(local);
  check_rows(rows, local.size());
  const std::vector<worker_rank> ranks = index.ranks();
  for (const rank_overlap& row : rows)
    require(std::find(ranks.begin(), ranks.end(), row.rank) != ranks.end(),
            "who is found is listed");
  tier_counts all{};
  for (const worker_rank& rank : ranks) {
    tier_counts counts{};
    for (const held_block& block : index.dump(rank))
      ++counts[static_cast<std::size_t>(block.tier)];
    require(counts == index.blocks(rank), "a dump lists what is counted");
    for (std::size_t i = 0; i < counts.size(); ++i)
      all[i] += counts[i];
  }
  require(all == index.size().blocks, "the ranks' blocks are all blocks");
}

void check_report(const apply_report& report, const kv_cache_event& event) {
  const auto* const stored = std::get_if<kv_stored>(&event.data);
  const std::size_t blocks = stored != nullptr ? stored->blocks.size() : 0;
  require(report.stored + report.duplicates + report.conflicts <= blocks,
          "not more is stored than the event has");
  require(stored == nullptr || report.outcome != apply_outcome::applied ||
              report.stored + report.duplicates + report.conflicts == blocks,
          "an applied event is applied in full");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  input from{bytes, size};
  const std::uint8_t way = from.byte();
  index_options options;
  options.conflicts =
      way % 2 == 0 ? conflict_policy::follow : conflict_policy::first;
  if (way % 8 > 5)
    options.blocks_max = 12;
  const std::uint64_t bytes_max = 200'000;
  options.bytes_max = bytes_max;
  flat_index flat{options, way};
  tree_index tree{options};
  const std::array<prefix_index*, 2> both{&flat, &tree};
  std::vector<std::uint64_t> local;
  for (std::size_t steps = 0; !from.is_empty() && steps < 512; ++steps) {
    const std::uint8_t what = from.byte();
    const worker_rank rank{what % 5U, 0};
    const std::uint8_t kind = from.byte();
    local.push_back(kind % 5U);
    if (local.size() > 8)
      local.erase(local.begin());
    if (kind % 16 == 15) {
      for (prefix_index* const index : both)
        index->remove_rank(rank);
      continue;
    }
    const auto tier =
        static_cast<storage_tier>(what / 5 % 16 < 12 ? 0 : kind / 64);
    const kv_cache_event event = event_from(from, kind % 16);
    for (prefix_index* const index : both) {
      const apply_report report = index->apply(rank, event, tier);
      check_report(report, event);
    }
    require(flat.size().bytes <= bytes_max, "the limit of bytes holds");
    require(flat.size().blocks[0] <= options.blocks_max,
            "the limit of blocks holds");
    if (steps % 16 == 0) {
      for (const prefix_index* const index : both)
        check(*index, local);
    }
  }
  for (prefix_index* const index : both) {
    check(*index, local);
    for (const worker_rank& rank : index->ranks())
      index->remove_rank(rank);
    while (index->tidy(4))
      continue;
    require(index->size().device_nodes == 0, "nothing stays");
  }
  require(flat.entries() == 0, "nothing stays in the tables");
  return 0;
}
