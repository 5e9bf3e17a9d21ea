#include "dynamo/router/tree_index.hpp"

#include "dynamo/router/event_rules.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>

namespace dynamo {

namespace {

std::size_t lower_index(storage_tier tier) {
  return static_cast<std::size_t>(tier) - 1;
}

} // namespace

tree_index::tree_index(index_options options)
    : options_(options) {}

apply_report tree_index::apply(const worker_rank& rank,
                               const kv_cache_event& event, storage_tier tier,
                               std::optional<residency_domain> domain) {
  const lock_guard lock{mutex_};
  const tier_owner owner = domain == residency_domain::cache_owner
                               ? tier_owner::cache_owner
                               : tier_owner::worker;
  if (const auto* stored = std::get_if<kv_stored>(&event.data))
    return finish(store(rank, *stored, tier, owner));
  if (const auto* removed = std::get_if<kv_removed>(&event.data))
    return finish(remove(rank, *removed, tier, owner));
  return clear_rank(rank, domain);
}

apply_report tree_index::store(const worker_rank& rank, const kv_stored& stored,
                               storage_tier tier, tier_owner owner) {
  if (is_own_parent(stored))
    return {.outcome = apply_outcome::invalid};
  rank_entry* const entry = entry_of(rank);
  if (entry == nullptr)
    return {.outcome = apply_outcome::full};
  if (tier == storage_tier::device)
    return store_device(entry->number, stored);
  return store_lower(entry->lower[lower_index(tier)], stored, owner);
}

apply_report tree_index::store_device(std::uint32_t number,
                                      const kv_stored& stored) {
  std::uint32_t parent = prefix_tree::root;
  if (stored.parent_hash)
    parent = tree_.find(number, *stored.parent_hash);
  if (parent == no_index)
    return {.outcome = apply_outcome::parent_unknown};
  apply_report report;
  tree_.branch(parent, stored.blocks);
  for (const kv_block& block : stored.blocks) {
    if (is_full()) {
      report.outcome = apply_outcome::full;
      break;
    }
    const prefix_tree::placed placed =
        tree_.store(number, parent, block.block_hash, block.tokens_hash);
    if (placed.what == placement::misplaced) {
      report.outcome = apply_outcome::invalid;
      break;
    }
    report.stored += placed.what == placement::added ? 1 : 0;
    report.duplicates += placed.what == placement::present ? 1 : 0;
    report.conflicts += placed.what == placement::conflict ? 1 : 0;
    parent = placed.block;
  }
  return report;
}

apply_report tree_index::store_lower(tier_blocks& tier, const kv_stored& stored,
                                     tier_owner owner) {
  apply_report report;
  std::optional<std::uint64_t> parent = stored.parent_hash;
  for (const kv_block& block : stored.blocks) {
    if (is_full()) {
      report.outcome = apply_outcome::full;
      break;
    }
    const std::size_t before = tier.size();
    const std::uint64_t bytes_before = tier.heap_bytes();
    if (tier.store({block.block_hash, block.tokens_hash, parent}, owner))
      ++report.stored;
    else
      ++report.duplicates;
    lower_blocks_ += tier.size() - before;
    lower_bytes_ += tier.heap_bytes() - bytes_before;
    parent = block.block_hash;
  }
  return report;
}

apply_report tree_index::remove(const worker_rank& rank,
                                const kv_removed& removed, storage_tier tier,
                                tier_owner owner) {
  const auto at = entries_.find(rank);
  if (at == entries_.end()) {
    apply_report report;
    report.unknown = removed.block_hashes.size();
    return report;
  }
  if (tier == storage_tier::device)
    return remove_device(at->second.number, removed);
  return remove_lower(at->second.lower[lower_index(tier)], removed, owner);
}

apply_report tree_index::remove_device(std::uint32_t number,
                                       const kv_removed& removed) {
  apply_report report;
  const std::uint64_t before = tree_.pairs();
  // An event may name blocks that go with one it named before.
  std::unordered_set<std::uint64_t> gone;
  for (const std::uint64_t hash : removed.block_hashes) {
    if (const std::uint32_t block = tree_.find(number, hash);
        block != no_index) {
      const std::vector<std::uint64_t> names = tree_.remove(number, block);
      if (removed.block_hashes.size() > 1)
        gone.insert(names.begin(), names.end());
    } else if (!gone.contains(hash)) {
      ++report.unknown;
    }
  }
  report.removed = before - tree_.pairs();
  return report;
}

apply_report tree_index::remove_lower(tier_blocks& tier,
                                      const kv_removed& removed,
                                      tier_owner owner) {
  apply_report report;
  const std::size_t before = tier.size();
  const std::uint64_t bytes_before = tier.heap_bytes();
  for (const std::uint64_t hash : removed.block_hashes) {
    if (tier.remove(hash, owner))
      ++report.removed;
    else
      ++report.unknown;
  }
  lower_blocks_ -= before - tier.size();
  lower_bytes_ -= bytes_before - tier.heap_bytes();
  return report;
}

apply_report tree_index::clear_rank(const worker_rank& rank,
                                    std::optional<residency_domain> domain) {
  apply_report report;
  const auto at = entries_.find(rank);
  if (at == entries_.end())
    return report;
  rank_entry& entry = at->second;
  const std::uint64_t before = pairs();
  if (domain != residency_domain::cache_owner) {
    tree_.remove_all(entry.number);
    clear_lower(entry, tier_owner::worker);
  }
  if (domain != residency_domain::worker)
    clear_lower(entry, tier_owner::cache_owner);
  report.removed = before - pairs();
  return report;
}

void tree_index::clear_lower(rank_entry& entry, tier_owner owner) {
  for (tier_blocks& tier : entry.lower) {
    const std::size_t before = tier.size();
    const std::uint64_t bytes_before = tier.heap_bytes();
    tier.remove_all(owner);
    lower_blocks_ -= before - tier.size();
    lower_bytes_ -= bytes_before - tier.heap_bytes();
  }
}

tree_index::rank_entry* tree_index::entry_of(const worker_rank& rank) {
  if (const auto at = entries_.find(rank); at != entries_.end())
    return &at->second;
  if (entries_.size() >= options_.ranks_max)
    return nullptr;
  rank_entry& entry = entries_[rank];
  if (free_numbers_.empty()) {
    entry.number = static_cast<std::uint32_t>(numbers_.size());
    numbers_.emplace_back(rank);
  } else {
    entry.number = free_numbers_.back();
    free_numbers_.pop_back();
    numbers_[entry.number] = rank;
  }
  return &entry;
}

std::vector<rank_overlap>
tree_index::find_matches(std::span<const std::uint64_t> local) const {
  const lock_guard lock{mutex_};
  const prefix_tree::matched match = tree_.match(local);
  std::vector<rank_overlap> found;
  found.reserve(match.depths.size());
  for (const auto& [number, depth] : match.depths)
    found.push_back({*numbers_[number], depth, depth, depth});
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.rank < b.rank; });
  if (lower_blocks_ == 0)
    return found;

  std::vector<rank_overlap> all;
  auto next = found.begin();
  for (const auto& [rank, entry] : entries_) {
    rank_overlap one{rank};
    if (next != found.end() && next->rank == rank)
      one = *next++;
    fill_lower(one, entry, local, match.names);
    if (one.disk > 0)
      all.push_back(one);
  }
  return all;
}

void tree_index::fill_lower(rank_overlap& found, const rank_entry& entry,
                            std::span<const std::uint64_t> local,
                            std::span<const std::uint64_t> names) const {
  std::optional<std::uint64_t> parent;
  if (found.device > 0)
    parent = names[found.device - 1];
  std::size_t depth = found.device;
  const auto follow = [&](storage_tier tier) {
    const tier_blocks& blocks = entry.lower[lower_index(tier)];
    if (blocks.size() > 0)
      depth += blocks.follow(parent, local.subspan(depth));
    return static_cast<std::uint32_t>(depth);
  };
  found.host = follow(storage_tier::host_pinned);
  follow(storage_tier::disk);
  found.disk = follow(storage_tier::external);
}

std::uint64_t tree_index::remove_rank(const worker_rank& rank) {
  const lock_guard lock{mutex_};
  const auto at = entries_.find(rank);
  if (at == entries_.end())
    return 0;
  const std::uint64_t before = pairs();
  clear_rank(rank, std::nullopt);
  numbers_[at->second.number].reset();
  free_numbers_.push_back(at->second.number);
  entries_.erase(at);
  return before - pairs();
}

std::vector<held_block> tree_index::dump(const worker_rank& rank) const {
  const lock_guard lock{mutex_};
  std::vector<held_block> held;
  const auto at = entries_.find(rank);
  if (at == entries_.end())
    return held;
  const rank_entry& entry = at->second;
  held.reserve(tree_.held(entry.number));
  for (const auto& block : tree_.dump(entry.number))
    held.push_back({block.block_hash, block.tokens_hash, block.parent_hash,
                    storage_tier::device});
  for (std::size_t i = 0; i < lower_count; ++i) {
    for (const auto& block : entry.lower[i].dump())
      held.push_back({block.block_hash, block.tokens_hash, block.parent_hash,
                      static_cast<storage_tier>(i + 1)});
  }
  return held;
}

tier_counts tree_index::blocks(const worker_rank& rank) const {
  const lock_guard lock{mutex_};
  tier_counts counts{};
  const auto at = entries_.find(rank);
  if (at == entries_.end())
    return counts;
  counts[0] = tree_.held(at->second.number);
  for (std::size_t i = 0; i < lower_count; ++i)
    counts[i + 1] = at->second.lower[i].size();
  return counts;
}

std::vector<worker_rank> tree_index::ranks() const {
  const lock_guard lock{mutex_};
  std::vector<worker_rank> all;
  all.reserve(entries_.size());
  for (const auto& [rank, entry] : entries_)
    all.push_back(rank);
  return all;
}

std::uint64_t tree_index::bytes() const {
  // A map's node costs three pointers and a colour beside its value.
  constexpr std::size_t entry_bytes = sizeof(entry_map::value_type) + 32;
  return sizeof(*this) + tree_.heap_bytes() + lower_bytes_ +
         entries_.size() * entry_bytes +
         numbers_.capacity() * sizeof(numbers_[0]) +
         free_numbers_.capacity() * sizeof(free_numbers_[0]);
}

bool tree_index::is_full() const {
  return pairs() >= options_.blocks_max || bytes() >= options_.bytes_max;
}

index_size tree_index::size() const {
  const lock_guard lock{mutex_};
  index_size size{.ranks = entries_.size(), .device_nodes = tree_.size()};
  size.bytes = bytes();
  size.blocks[0] = tree_.pairs();
  for (const auto& [rank, entry] : entries_) {
    for (std::size_t i = 0; i < lower_count; ++i)
      size.blocks[i + 1] += entry.lower[i].size();
  }
  return size;
}

} // namespace dynamo
