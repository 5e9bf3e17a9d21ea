#pragma once

#include "dynamo/router/prefix_index.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace dynamo::testing {

/// The rules of flat_index in the plainest way: a block on a device is its path
/// of local hashes, and everything is looked up in maps, slowly.
class flat_model {
 public:
  using path = std::vector<std::uint64_t>;
  /// Tier, name, tokens, parent.
  using held = std::tuple<std::size_t, std::uint64_t, std::uint64_t,
                          std::optional<std::uint64_t>>;

  explicit flat_model(conflict_policy conflicts)
      : conflicts_(conflicts) {}

  apply_outcome apply(const worker_rank& rank, const kv_cache_event& event,
                      storage_tier tier,
                      std::optional<residency_domain> domain) {
    const unsigned owner = domain == residency_domain::cache_owner ? 2 : 1;
    if (const auto* stored = std::get_if<kv_stored>(&event.data))
      return store(rank, *stored, tier, owner);
    if (const auto* removed = std::get_if<kv_removed>(&event.data))
      return remove(rank, *removed, tier, owner);
    clear(rank, domain);
    return apply_outcome::applied;
  }

  void forget(const worker_rank& rank) {
    ranks_.erase(rank);
    prune();
  }

  rank_overlap overlap(const worker_rank& rank, const path& local) const {
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
      parent = name_of(at->second, here);
    std::uint32_t depth = found.device;
    for (std::size_t tier = 1; tier < storage_tier_count; ++tier) {
      depth = follow(at->second.lower[tier], parent, local, depth);
      if (tier == 1)
        found.host = depth;
    }
    found.disk = depth;
    return found;
  }

  std::set<held> contents(const worker_rank& rank) const {
    std::set<held> all;
    const auto at = ranks_.find(rank);
    if (at == ranks_.end())
      return all;
    for (const auto& [where, name] : at->second.device) {
      std::optional<std::uint64_t> parent;
      if (where.size() > 1)
        parent = name_of(at->second, {where.begin(), where.end() - 1});
      all.emplace(0, name_of(at->second, where), where.back(), parent);
    }
    for (std::size_t tier = 1; tier < storage_tier_count; ++tier) {
      for (const auto& [name, block] : at->second.lower[tier])
        all.emplace(tier, name, block.tokens, block.parent);
    }
    return all;
  }

  std::size_t nodes() const { return nodes_.size(); }

 private:
  struct lower_block {
    std::optional<std::uint64_t> parent;
    std::uint64_t tokens = 0;
    unsigned owners = 0;
  };
  using lower_blocks = std::map<std::uint64_t, lower_block>;

  struct rank_blocks {
    /// By which name; nothing where it is nameless.
    std::map<path, std::optional<std::uint64_t>> device;
    std::array<lower_blocks, storage_tier_count> lower;
  };

  std::uint64_t name_of(const rank_blocks& blocks, const path& where) const {
    const auto at = blocks.device.find(where);
    if (at != blocks.device.end() && at->second)
      return *at->second;
    return nodes_.at(where);
  }

  static const path* named(const rank_blocks& blocks, std::uint64_t name) {
    for (const auto& [where, own] : blocks.device) {
      if (own == name)
        return &where;
    }
    return nullptr;
  }

  bool is_held(const path& where) const {
    return std::any_of(ranks_.begin(), ranks_.end(), [&](const auto& rank) {
      return rank.second.device.contains(where);
    });
  }

  apply_outcome store(const worker_rank& rank, const kv_stored& stored,
                      storage_tier tier, unsigned owner) {
    std::optional<std::uint64_t> above = stored.parent_hash;
    for (const kv_block& block : stored.blocks) {
      if (above == block.block_hash || stored.parent_hash == block.block_hash)
        return apply_outcome::invalid;
      above = block.block_hash;
    }
    rank_blocks& blocks = ranks_[rank];
    if (tier != storage_tier::device)
      return store_lower(blocks.lower[static_cast<std::size_t>(tier)], stored,
                         owner);
    path here;
    if (stored.parent_hash) {
      const path* const parent = named(blocks, *stored.parent_hash);
      if (parent == nullptr)
        return apply_outcome::parent_unknown;
      here = *parent;
    }
    bool changed = stored.blocks.empty();
    for (const kv_block& block : stored.blocks) {
      here.push_back(block.tokens_hash);
      const std::optional<bool> news = store_one(blocks, here, block);
      if (!news)
        return apply_outcome::invalid;
      changed |= *news;
    }
    return changed ? apply_outcome::applied : apply_outcome::duplicate;
  }

  /// Whether it is news; nothing when the name stands for another block.
  std::optional<bool> store_one(rank_blocks& blocks, const path& here,
                                const kv_block& block) {
    const std::uint64_t name = block.block_hash;
    const path* const namesake = named(blocks, name);
    const bool is_elsewhere = namesake != nullptr && *namesake != here;
    if (!nodes_.contains(here) && is_elsewhere)
      return std::nullopt;
    if (!is_held(here))
      nodes_[here] = name;
    const bool is_first = nodes_.at(here) == name;
    const auto at = blocks.device.find(here);
    if (conflicts_ == conflict_policy::first && !is_first) {
      const bool is_so = at != blocks.device.end() && at->second == name;
      blocks.device.emplace(here, std::nullopt);
      return !is_so;
    }
    if (is_elsewhere)
      return std::nullopt;
    if (at == blocks.device.end()) {
      blocks.device[here] = name;
      return true;
    }
    const bool is_renamed = at->second && at->second != name;
    if (is_renamed && conflicts_ == conflict_policy::first)
      return true;
    at->second = name;
    return is_renamed;
  }

  static apply_outcome store_lower(lower_blocks& blocks,
                                   const kv_stored& stored, unsigned owner) {
    bool changed = stored.blocks.empty();
    std::optional<std::uint64_t> parent = stored.parent_hash;
    for (const kv_block& block : stored.blocks) {
      lower_block& there = blocks[block.block_hash];
      changed |= there.parent != parent || there.tokens != block.tokens_hash ||
                 (there.owners & owner) == 0;
      there = {parent, block.tokens_hash, there.owners | owner};
      parent = block.block_hash;
    }
    return changed ? apply_outcome::applied : apply_outcome::duplicate;
  }

  apply_outcome remove(const worker_rank& rank, const kv_removed& removed,
                       storage_tier tier, unsigned owner) {
    bool all = true;
    rank_blocks& blocks = ranks_[rank];
    for (const std::uint64_t name : removed.block_hashes) {
      if (tier == storage_tier::device) {
        const path* const found = named(blocks, name);
        all &= found != nullptr;
        if (found != nullptr)
          blocks.device.erase(path{*found});
        continue;
      }
      lower_blocks& lower = blocks.lower[static_cast<std::size_t>(tier)];
      const auto at = lower.find(name);
      const bool is_there = at != lower.end() && (at->second.owners & owner);
      all &= is_there;
      if (is_there && (at->second.owners &= ~owner) == 0)
        lower.erase(at);
    }
    prune();
    return all ? apply_outcome::applied : apply_outcome::block_unknown;
  }

  void clear(const worker_rank& rank, std::optional<residency_domain> domain) {
    rank_blocks& blocks = ranks_[rank];
    unsigned owners = 3;
    if (domain == residency_domain::worker)
      owners = 1;
    if (domain == residency_domain::cache_owner)
      owners = 2;
    if ((owners & 1) != 0)
      blocks.device.clear();
    for (lower_blocks& lower : blocks.lower) {
      for (auto& [name, block] : lower)
        block.owners &= ~owners;
      std::erase_if(lower,
                    [](const auto& one) { return one.second.owners == 0; });
    }
    prune();
  }

  static std::uint32_t follow(const lower_blocks& blocks,
                              std::optional<std::uint64_t>& parent,
                              const path& local, std::uint32_t depth) {
    for (; depth < local.size(); ++depth) {
      // Maps are ordered: the first one has the lowest name.
      const auto next =
          std::find_if(blocks.begin(), blocks.end(), [&](const auto& block) {
            return block.second.parent == parent &&
                   block.second.tokens == local[depth];
          });
      if (next == blocks.end())
        break;
      parent = next->first;
    }
    return depth;
  }

  /// Nodes stay as long as a rank holds them or one below.
  void prune() {
    std::set<path> needed;
    for (const auto& [rank, blocks] : ranks_) {
      for (const auto& [where, name] : blocks.device) {
        path above = where;
        while (!above.empty() && needed.insert(above).second)
          above.pop_back();
      }
    }
    std::erase_if(
        nodes_, [&](const auto& node) { return !needed.contains(node.first); });
  }

  conflict_policy conflicts_;
  std::map<worker_rank, rank_blocks> ranks_;
  /// Every node's own name: that of who held it first since nobody did.
  std::map<path, std::uint64_t> nodes_;
};

} // namespace dynamo::testing
