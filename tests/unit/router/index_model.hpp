#pragma once

#include "dynamo/router/prefix_index.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace dynamo::testing {

using path = std::vector<std::uint64_t>;
using hash_row = std::vector<std::uint64_t>;

inline bool begins_with(const path& whole, const path& part) {
  return whole.size() >= part.size() &&
         std::equal(part.begin(), part.end(), whole.begin());
}

/// The rules of tree_index in the plainest way: a block on a device is its
/// path of local hashes, and everything is looked up in maps, slowly.
class model {
 public:
  apply_outcome apply(const worker_rank& rank, const kv_cache_event& event,
                      storage_tier tier) {
    if (const auto* stored = std::get_if<kv_stored>(&event.data))
      return store(rank, *stored, tier);
    if (const auto* removed = std::get_if<kv_removed>(&event.data))
      return remove(rank, *removed, tier);
    forget(rank);
    return apply_outcome::applied;
  }

  void forget(const worker_rank& rank) {
    ranks_.erase(rank);
    drop_unheld_ends();
  }

  rank_overlap overlap(const worker_rank& rank, const hash_row& local) const {
    rank_overlap found{rank};
    const auto at = ranks_.find(rank);
    if (at == ranks_.end())
      return found;
    path here;
    while (here.size() < local.size()) {
      path next = here;
      next.push_back(local[here.size()]);
      if (!at->second.device.contains(next))
        break;
      here = next;
    }
    found.device = static_cast<std::uint32_t>(here.size());
    std::optional<std::uint64_t> parent;
    if (!here.empty())
      parent = blocks_.at(here).name;
    std::uint32_t depth = found.device;
    for (std::size_t tier = 1; tier < storage_tier_count; ++tier) {
      depth = follow(at->second.lower[tier], parent, local, depth);
      if (tier == 1)
        found.host = depth;
    }
    found.disk = depth;
    return found;
  }

  std::set<std::tuple<std::size_t, std::uint64_t, std::uint64_t>>
  contents(const worker_rank& rank) const {
    std::set<std::tuple<std::size_t, std::uint64_t, std::uint64_t>> held;
    const auto at = ranks_.find(rank);
    if (at == ranks_.end())
      return held;
    for (const auto& [where, nameless] : at->second.device)
      held.emplace(0, blocks_.at(where).name, where.back());
    for (std::size_t tier = 1; tier < storage_tier_count; ++tier) {
      for (const auto& [name, block] : at->second.lower[tier])
        held.emplace(tier, name, block.second);
    }
    return held;
  }

  std::size_t nodes() const { return blocks_.size(); }

 private:
  using parent_and_tokens =
      std::pair<std::optional<std::uint64_t>, std::uint64_t>;
  using lower_blocks = std::map<std::uint64_t, parent_and_tokens>;

  struct device_block {
    std::uint64_t name = 0;
    bool starts_run = true;
    bool ends_run = false;
  };

  struct rank_blocks {
    /// Whether it is nameless.
    std::map<path, bool> device;
    std::array<lower_blocks, storage_tier_count> lower;
  };

  static std::uint32_t follow(const lower_blocks& blocks,
                              std::optional<std::uint64_t>& parent,
                              const hash_row& local, std::uint32_t depth) {
    for (; depth < local.size(); ++depth) {
      // Maps are ordered: the first one has the lowest name.
      const auto next =
          std::find_if(blocks.begin(), blocks.end(), [&](const auto& block) {
            return block.second == parent_and_tokens{parent, local[depth]};
          });
      if (next == blocks.end())
        break;
      parent = next->first;
    }
    return depth;
  }

  const path* named(const rank_blocks& blocks, std::uint64_t name) const {
    for (const auto& [where, nameless] : blocks.device) {
      if (!nameless && blocks_.at(where).name == name)
        return &where;
    }
    return nullptr;
  }

  apply_outcome store(const worker_rank& rank, const kv_stored& stored,
                      storage_tier tier) {
    std::optional<std::uint64_t> above = stored.parent_hash;
    for (const kv_block& block : stored.blocks) {
      if (above == block.block_hash || stored.parent_hash == block.block_hash)
        return apply_outcome::invalid;
      above = block.block_hash;
    }
    rank_blocks& blocks = ranks_[rank];
    if (tier != storage_tier::device)
      return store_lower(blocks.lower[static_cast<std::size_t>(tier)], stored);
    path here;
    if (stored.parent_hash) {
      const path* parent = named(blocks, *stored.parent_hash);
      if (parent == nullptr)
        return apply_outcome::parent_unknown;
      here = *parent;
    }
    return store_device(blocks, here, stored);
  }

  apply_outcome store_device(rank_blocks& blocks, path here,
                             const kv_stored& stored) {
    branch(here, stored);
    bool changed = stored.blocks.empty();
    for (const kv_block& block : stored.blocks) {
      const path above = here;
      here.push_back(block.tokens_hash);
      if (blocks_.contains(here) && blocks_.at(here).name != block.block_hash) {
        blocks.device.emplace(here, true);
        changed = true;
        continue;
      }
      const path* namesake = named(blocks, block.block_hash);
      if (namesake != nullptr && *namesake != here)
        return apply_outcome::invalid;
      if (!blocks_.contains(here))
        add(above, here, block.block_hash);
      changed |= !blocks.device.contains(here);
      blocks.device[here] = false;
    }
    return changed ? apply_outcome::applied : apply_outcome::duplicate;
  }

  void add(const path& above, const path& here, std::uint64_t name) {
    bool first = true;
    for (auto& [where, block] : blocks_) {
      if (where.size() == here.size() && begins_with(where, above)) {
        block.starts_run = true;
        first = false;
      }
    }
    bool starts = above.empty() || !first;
    if (!above.empty()) {
      blocks_.at(above).ends_run |= !first;
      starts = blocks_.at(above).ends_run;
    }
    blocks_[here] = {name, starts, false};
  }

  /// The block that continues the run of another, or nullptr.
  const path* next_in_run(const path& here) const {
    for (const auto& [where, block] : blocks_) {
      if (where.size() == here.size() + 1 && begins_with(where, here) &&
          !block.starts_run)
        return &where;
    }
    return nullptr;
  }

  /// A run that is entered in its middle ends there, unless the event goes
  /// along it, to its end and beyond if it may become longer.
  void branch(const path& parent, const kv_stored& stored) {
    const path* next = parent.empty() ? nullptr : next_in_run(parent);
    if (next == nullptr || stored.blocks.empty())
      return;
    path here = parent;
    bool along = true;
    for (const kv_block& block : stored.blocks) {
      const path* const on = next_in_run(here);
      if (on == nullptr) {
        along = !blocks_.at(here).ends_run;
        break;
      }
      along = on->back() == block.tokens_hash &&
              blocks_.at(*on).name == block.block_hash;
      if (!along)
        break;
      here = *on;
    }
    if (along)
      return;
    blocks_.at(*next).starts_run = true;
    blocks_.at(parent).ends_run = true;
  }

  static apply_outcome store_lower(lower_blocks& blocks,
                                   const kv_stored& stored) {
    bool changed = stored.blocks.empty();
    std::optional<std::uint64_t> parent = stored.parent_hash;
    for (const kv_block& block : stored.blocks) {
      const parent_and_tokens place{parent, block.tokens_hash};
      const auto at = blocks.find(block.block_hash);
      changed |= at == blocks.end() || at->second != place;
      blocks[block.block_hash] = place;
      parent = block.block_hash;
    }
    return changed ? apply_outcome::applied : apply_outcome::duplicate;
  }

  apply_outcome remove(const worker_rank& rank, const kv_removed& removed,
                       storage_tier tier) {
    bool all = true;
    rank_blocks& blocks = ranks_[rank];
    std::set<std::uint64_t> gone;
    for (const std::uint64_t name : removed.block_hashes) {
      if (tier != storage_tier::device) {
        all &= blocks.lower[static_cast<std::size_t>(tier)].erase(name) == 1;
        continue;
      }
      const path* found = named(blocks, name);
      all &= found != nullptr || gone.contains(name);
      if (found == nullptr)
        continue;
      path here = *found;
      while (blocks.device.erase(here) == 1) {
        gone.insert(blocks_.at(here).name);
        const path* const next = next_in_run(here);
        if (next == nullptr)
          break;
        here = *next;
      }
      drop_unheld_ends();
    }
    return all ? apply_outcome::applied : apply_outcome::block_unknown;
  }

  bool is_held(const path& where) const {
    return std::any_of(ranks_.begin(), ranks_.end(), [&](const auto& rank) {
      return rank.second.device.contains(where);
    });
  }

  /// The end of a run that nobody holds goes, and all below it.
  void drop_unheld_ends() {
    const auto is_gone = [&](const auto& block) {
      return next_in_run(block.first) == nullptr && !is_held(block.first);
    };
    for (auto at = std::find_if(blocks_.begin(), blocks_.end(), is_gone);
         at != blocks_.end();
         at = std::find_if(blocks_.begin(), blocks_.end(), is_gone)) {
      const path end = at->first;
      const auto is_below = [&](const auto& one) {
        return begins_with(one.first, end);
      };
      for (auto& [rank, blocks] : ranks_)
        std::erase_if(blocks.device, is_below);
      std::erase_if(blocks_, is_below);
    }
  }

  std::map<worker_rank, rank_blocks> ranks_;
  /// On devices.
  std::map<path, device_block> blocks_;
};

} // namespace dynamo::testing
