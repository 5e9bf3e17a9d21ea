#include "dynamo/router/flat_index.hpp"

#include <unordered_set>

namespace dynamo {

std::vector<held_block> flat_index::dump(const worker_rank& rank) const {
  std::vector<held_block> held;
  const auto at = entries_.find(rank);
  if (at == entries_.end() || at->second.number == no_index)
    return held;
  const std::uint32_t number = at->second.number;
  const std::vector<std::uint32_t> all = device_.all_of(number);
  std::unordered_set<std::uint32_t> left{all.begin(), all.end()};
  std::vector<std::uint32_t> way;
  for (const std::uint32_t start : all) {
    // Climb as long as something above may be left, and come down again.
    std::uint32_t id = start;
    while (id != device_blocks::root && left.contains(start)) {
      way.push_back(id);
      id = device_[id].parent();
    }
    for (; !way.empty(); way.pop_back()) {
      id = way.back();
      if (left.erase(id) == 0)
        continue;
      const std::uint32_t parent = device_[id].parent();
      held_block block;
      block.block_hash = device_.name_of(number, id);
      block.tokens_hash = device_.local_of(id);
      if (parent != device_blocks::root)
        block.parent_hash = device_.name_of(number, parent);
      held.push_back(block);
    }
  }
  for (std::uint32_t tier = 0; tier < rank_numbers::lower_count; ++tier) {
    for (const auto& block : lower_.dump({number, tier}))
      held.push_back({block.block_hash, block.tokens_hash, block.parent_hash,
                      static_cast<storage_tier>(tier + 1)});
  }
  return held;
}

tier_counts flat_index::blocks(const worker_rank& rank) const {
  const auto at = entries_.find(rank);
  return at == entries_.end() ? tier_counts{} : at->second.blocks;
}

std::uint64_t flat_index::evicted(const worker_rank& rank) const {
  const auto at = entries_.find(rank);
  return at == entries_.end() ? 0 : at->second.evicted;
}

std::vector<worker_rank> flat_index::ranks() const {
  std::vector<worker_rank> all;
  all.reserve(entries_.size());
  for (const auto& [rank, entry] : entries_)
    all.push_back(rank);
  return all;
}

index_size flat_index::size() const {
  return {.ranks = entries_.size(),
          .device_nodes = device_.size(),
          .blocks = blocks_,
          .bytes = sizeof(*this) + memory_.used(),
          .evicted = evicted_};
}

} // namespace dynamo
