#include "dynamo/router/flat_index.hpp"

#include "dynamo/router/event_rules.hpp"

#include <algorithm>

namespace dynamo {

namespace {

/// How often room is made for one block: what goes may not be what is needed.
constexpr int tries = 32;

std::size_t index_of(storage_tier tier) {
  return static_cast<std::size_t>(tier);
}

std::uint64_t bytes_beside(std::uint64_t bytes_max) {
  return bytes_max - std::min<std::uint64_t>(bytes_max, sizeof(flat_index));
}

} // namespace

flat_index::flat_index(const index_options& options, std::uint64_t seed)
    : options_(options)
    , memory_(bytes_beside(options.bytes_max))
    , retired_(memory_)
    , numbers_(retired_)
    , device_(retired_, numbers_, options.conflicts, seed)
    , lower_(retired_, numbers_, seed)
    , entries_(entry_map::allocator_type{memory_})
    , by_number_(counted_allocator<rank_entry*>{memory_}) {}

apply_report flat_index::apply(const worker_rank& rank,
                               const kv_cache_event& event, storage_tier tier,
                               std::optional<residency_domain> domain) {
  const tier_owner owner = domain == residency_domain::cache_owner
                               ? tier_owner::cache_owner
                               : tier_owner::worker;
  apply_report report;
  if (const auto* stored = std::get_if<kv_stored>(&event.data))
    report = finish(store(rank, *stored, tier, owner));
  else if (const auto* removed = std::get_if<kv_removed>(&event.data))
    report = finish(remove(rank, *removed, tier, owner));
  else
    report = clear(rank, domain);
  // Small pieces, so that no event takes long and nothing piles up.
  constexpr std::size_t swept_per_event = 64;
  constexpr std::size_t waiting_max = 256;
  if (is_sweeping_ || numbers_.are_retired())
    sweep(swept_per_event);
  if (waiting() > waiting_max)
    reclaim();
  return report;
}

// -- Stored

apply_report flat_index::store(const worker_rank& rank, const kv_stored& stored,
                               storage_tier tier, tier_owner owner) {
  if (is_own_parent(stored))
    return {.outcome = apply_outcome::invalid};
  prepare_room(stored.blocks.size(), tier);
  rank_entry* const entry = entry_of(rank);
  if (entry == nullptr)
    return {.outcome = apply_outcome::full};
  if (tier == storage_tier::device)
    return store_device(*entry, stored);
  const auto below = static_cast<std::uint32_t>(index_of(tier) - 1);
  return store_lower(*entry, stored, {entry->number, below}, owner);
}

apply_report flat_index::store_device(rank_entry& entry,
                                      const kv_stored& stored) {
  std::uint32_t parent = device_blocks::root;
  if (stored.parent_hash)
    parent = device_.find(entry.number, *stored.parent_hash);
  if (parent == no_index)
    return {.outcome = apply_outcome::parent_unknown};
  apply_report report;
  std::span<const kv_block> left{stored.blocks};
  for (int failed = 0; !left.empty();) {
    std::span<const kv_block> some = left;
    kept_ = parent;
    if (pairs() + left.size() > options_.blocks_max) {
      some = left.first(1);
      if (!fit_pairs()) {
        report.outcome = apply_outcome::full;
        break;
      }
    }
    const auto made = device_.store(entry.number, parent, some);
    count(entry, 0, made.pairs);
    report.stored += made.added;
    report.duplicates += made.present;
    report.conflicts += made.conflicts;
    parent = kept_ = made.last;
    left = left.subspan(made.done);
    using placement = device_blocks::placement;
    if (made.stopped == placement::misplaced) {
      report.outcome = apply_outcome::invalid;
      break;
    }
    if (made.stopped != placement::no_memory)
      continue;
    // What goes may not be what is needed.
    failed = made.done == 0 ? failed + 1 : 1;
    if (failed > tries) {
      report.outcome = apply_outcome::full;
      break;
    }
    static_cast<void>(make_room());
  }
  kept_ = no_index;
  return report;
}

/// Room for one more pair.
bool flat_index::fit_pairs() {
  while (pairs() >= options_.blocks_max) {
    if (!evict(1))
      return false;
  }
  return true;
}

apply_report flat_index::store_lower(rank_entry& entry, const kv_stored& stored,
                                     lower_tiers::place where,
                                     tier_owner owner) {
  apply_report report;
  std::optional<std::uint64_t> parent = stored.parent_hash;
  for (const kv_block& block : stored.blocks) {
    const auto what = place(
        entry, where, {block.block_hash, block.tokens_hash, parent}, owner);
    if (what == lower_tiers::stored::no_memory) {
      report.outcome = apply_outcome::full;
      break;
    }
    const bool is_present = what == lower_tiers::stored::present;
    report.stored += is_present ? 0 : 1;
    report.duplicates += is_present ? 1 : 0;
    parent = block.block_hash;
  }
  return report;
}

lower_tiers::stored flat_index::place(rank_entry& entry,
                                      lower_tiers::place where,
                                      const tier_blocks::block& block,
                                      tier_owner owner) {
  using stored = lower_tiers::stored;
  if (!fit_pairs())
    return stored::no_memory;
  stored what = lower_.store(where, block, owner);
  for (int i = 0; i < tries && what == stored::no_memory; ++i) {
    if (make_room())
      what = lower_.store(where, block, owner);
  }
  if (what == stored::added)
    count(entry, where.tier + 1, 1);
  if (what != stored::no_memory && owner == tier_owner::cache_owner)
    ++entry.cache_owned;
  return what;
}

// -- Removed

apply_report flat_index::remove(const worker_rank& rank,
                                const kv_removed& removed, storage_tier tier,
                                tier_owner owner) {
  apply_report report;
  const auto at = entries_.find(rank);
  if (at == entries_.end() || at->second.number == no_index) {
    report.unknown = removed.block_hashes.size();
    return report;
  }
  rank_entry& entry = at->second;
  if (tier == storage_tier::device) {
    remove_device(entry, removed, report);
    return report;
  }
  const auto below = static_cast<std::uint32_t>(index_of(tier) - 1);
  for (const std::uint64_t name : removed.block_hashes) {
    const auto what = lower_.remove({entry.number, below}, name, owner);
    const bool is_unknown = what == lower_tiers::removed::unknown;
    report.unknown += is_unknown ? 1 : 0;
    report.removed += is_unknown ? 0 : 1;
    if (what == lower_tiers::removed::gone)
      count(entry, below + 1, -1);
  }
  return report;
}

void flat_index::remove_device(rank_entry& entry, const kv_removed& removed,
                               apply_report& report) {
  const std::uint64_t gone = device_.remove(entry.number, removed.block_hashes);
  count(entry, 0, -static_cast<std::int64_t>(gone));
  report.removed += gone;
  report.unknown += removed.block_hashes.size() - gone;
}

// -- Cleared

apply_report flat_index::clear(const worker_rank& rank,
                               std::optional<residency_domain> domain) {
  apply_report report;
  const auto at = entries_.find(rank);
  if (at == entries_.end())
    return report;
  rank_entry& entry = at->second;
  if (domain == residency_domain::cache_owner)
    report.removed = clear_owner(entry, tier_owner::cache_owner);
  else if (domain == residency_domain::worker && entry.cache_owned > 0)
    report.removed =
        clear_device(entry) + clear_owner(entry, tier_owner::worker);
  else
    report.removed = clear_all(entry);
  return report;
}

/// Retires the number, wherever it stands: what it held is swept out later. A
/// new one is taken when the rank stores again.
std::uint64_t flat_index::clear_all(rank_entry& entry) {
  std::uint64_t gone = 0;
  for (std::size_t tier = 0; tier < storage_tier_count; ++tier) {
    gone += entry.blocks[tier];
    count(entry, tier, -static_cast<std::int64_t>(entry.blocks[tier]));
  }
  entry.cache_owned = 0;
  // One that holds nothing stands nowhere, but retiring it costs a sweep.
  if (gone == 0 || entry.number == no_index)
    return gone;
  by_number_[entry.number] = nullptr;
  numbers_.retire(entry.number);
  entry.number = no_index;
  return gone;
}

std::uint64_t flat_index::clear_owner(rank_entry& entry, tier_owner owner) {
  if (owner == tier_owner::cache_owner) {
    if (entry.cache_owned == 0)
      return 0;
    entry.cache_owned = 0;
  }
  std::uint64_t gone = 0;
  const auto by_tier = lower_.remove_all(entry.number, owner);
  for (std::size_t i = 0; i < by_tier.size(); ++i) {
    count(entry, i + 1, -static_cast<std::int64_t>(by_tier[i]));
    gone += by_tier[i];
  }
  return gone;
}

/// Only for a rank whose lower tiers must stay, for their number is this one.
std::uint64_t flat_index::clear_device(rank_entry& entry) {
  const std::vector<std::uint32_t> held = device_.all_of(entry.number);
  for (const std::uint32_t id : held)
    device_.remove(entry.number, id);
  count(entry, 0, -static_cast<std::int64_t>(held.size()));
  return held.size();
}

std::uint64_t flat_index::remove_rank(const worker_rank& rank) {
  const auto at = entries_.find(rank);
  if (at == entries_.end())
    return 0;
  const std::uint64_t gone = clear_all(at->second);
  if (const std::uint32_t number = at->second.number; number != no_index) {
    by_number_[number] = nullptr;
    numbers_.retire(number);
  }
  entries_.erase(at);
  return gone;
}

// -- Ranks

flat_index::rank_entry* flat_index::entry_of(const worker_rank& rank) {
  auto at = entries_.find(rank);
  if (at == entries_.end()) {
    // A map's node costs three pointers and a colour beside its value.
    if (entries_.size() >= options_.ranks_max ||
        !memory_.has_room(sizeof(entry_map::value_type) + 64))
      return nullptr;
    at = entries_.try_emplace(rank).first;
  }
  if (at->second.number != no_index)
    return &at->second;
  const std::uint32_t number = new_number(rank);
  if (number == no_index) {
    if (at->second.evicted == 0)
      entries_.erase(at);
    return nullptr;
  }
  if (number >= by_number_.size())
    by_number_.resize(number + 1, nullptr);
  at->second.number = number;
  by_number_[number] = &at->second;
  return &at->second;
}

std::uint32_t flat_index::new_number(const worker_rank& rank) {
  std::uint32_t number = numbers_.take(rank);
  if (number != no_index || !numbers_.are_retired())
    return number;
  // All numbers are taken by what was cleared: this once the sweep is done at
  // a stretch.
  constexpr std::size_t at_a_stretch = 4096;
  while (sweep(at_a_stretch))
    continue;
  reclaim();
  return numbers_.take(rank);
}

void flat_index::count(rank_entry& entry, std::size_t tier,
                       std::int64_t change) {
  const auto by = static_cast<std::uint64_t>(change);
  entry.blocks[tier] += by;
  blocks_[tier] += by;
  if (tier > 0)
    lower_blocks_.store(blocks_[1] + blocks_[2] + blocks_[3],
                        std::memory_order_release);
}

std::uint64_t flat_index::pairs() const {
  return blocks_[0] + blocks_[1] + blocks_[2] + blocks_[3];
}

} // namespace dynamo
