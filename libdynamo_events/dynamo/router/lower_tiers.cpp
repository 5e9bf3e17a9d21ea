#include "dynamo/router/lower_tiers.hpp"

#include <algorithm>
#include <unordered_map>

namespace dynamo {

namespace {

// A record's state: the rank's number, and above it
constexpr std::uint32_t tier_shift = 15;
constexpr std::uint32_t tier_mask = 3U << tier_shift;
constexpr std::uint32_t owner_shift = 17;
constexpr std::uint32_t owner_mask = 3U << owner_shift;
constexpr std::uint32_t has_parent = 1U << 19;
/// Matched since its last turn of the eviction: it survives two more.
constexpr std::uint32_t used = 1U << 20;
/// New, or matched before its last turn: one more.
constexpr std::uint32_t fresh = 1U << 21;
constexpr std::uint32_t in_use = 1U << 22;

std::uint32_t owner_bit(tier_owner owner) {
  return static_cast<std::uint32_t>(owner) << owner_shift;
}

std::uint64_t salt(lower_tiers::place where) {
  return (where.rank << 2 | where.tier) * 0x9e3779b97f4a7c15U;
}

bool is_same(lower_tiers::place a, lower_tiers::place b) {
  return a.rank == b.rank && a.tier == b.tier;
}

} // namespace

lower_tiers::lower_tiers(retired_blocks& retired, rank_numbers& numbers,
                         std::uint64_t seed)
    : numbers_(numbers)
    , records_(retired)
    , seed_(mix(seed + 3))
    , names_(retired)
    , edges_(retired) {}

std::uint64_t lower_tiers::name_hash(place where, std::uint64_t name) const {
  return mix((name ^ seed_) + salt(where));
}

std::uint64_t lower_tiers::edge_hash(place where,
                                     std::optional<std::uint64_t> parent,
                                     std::uint64_t tokens) const {
  return mix(tokens + mix((parent.value_or(0) ^ seed_) + salt(where)));
}

std::uint64_t lower_tiers::by_name::hash(std::uint32_t id) const {
  const record& one = all.records_[id];
  return all.name_hash(place_of(one), one.name);
}

std::uint64_t lower_tiers::by_edge::hash(std::uint32_t id) const {
  const record& one = all.records_[id];
  return all.edge_hash(place_of(one), parent_of(one), one.tokens);
}

lower_tiers::place lower_tiers::place_of(const record& one) {
  const std::uint32_t state = one.state.load(std::memory_order_acquire);
  return {state & (rank_numbers_max - 1), (state & tier_mask) >> tier_shift};
}

std::optional<std::uint64_t> lower_tiers::parent_of(const record& one) {
  if ((one.state.load(std::memory_order_relaxed) & has_parent) == 0)
    return std::nullopt;
  return one.parent;
}

lower_tiers::stored lower_tiers::store(place where,
                                       const tier_blocks::block& block,
                                       tier_owner owner) {
  const std::uint32_t id = find(where, block.block_hash);
  if (id == no_index)
    return add(where, block, owner_bit(owner)) ? stored::added
                                               : stored::no_memory;
  record& there = records_[id];
  const std::uint32_t old =
      there.state.fetch_or(owner_bit(owner) | fresh, std::memory_order_acq_rel);
  if (there.tokens == block.tokens_hash &&
      parent_of(there) == block.parent_hash)
    return (old & owner_bit(owner)) == 0 ? stored::changed : stored::present;
  // The old one stays until the new one is there: nothing is lost when there
  // is no memory.
  if (!add(where, block, (old & owner_mask) | owner_bit(owner)))
    return stored::no_memory;
  drop(id);
  return stored::changed;
}

bool lower_tiers::add(place where, const tier_blocks::block& block,
                      std::uint32_t owners) {
  const std::uint32_t id = records_.take();
  if (id == no_index)
    return false;
  record& made = records_[id];
  made.name = block.block_hash;
  made.tokens = block.tokens_hash;
  made.parent = block.parent_hash.value_or(0);
  made.state.store(where.rank | where.tier << tier_shift | owners | in_use |
                       fresh | (block.parent_hash ? has_parent : 0),
                   std::memory_order_release);
  const bool is_named = names_.insert(id, by_name{*this});
  if (!is_named || !edges_.insert(id, by_edge{*this})) {
    if (is_named)
      names_.erase(id, by_name{*this});
    made.state.store(0, std::memory_order_release);
    records_.retire(id);
    return false;
  }
  count(where, 1);
  return true;
}

lower_tiers::removed lower_tiers::remove(place where, std::uint64_t name,
                                         tier_owner owner) {
  const std::uint32_t id = find(where, name);
  if (id == no_index)
    return removed::unknown;
  const std::uint32_t bit = owner_bit(owner);
  const std::uint32_t old =
      records_[id].state.fetch_and(~bit, std::memory_order_acq_rel);
  if ((old & bit) == 0)
    return removed::unknown;
  if ((old & owner_mask & ~bit) != 0)
    return removed::still_owned;
  drop(id);
  return removed::gone;
}

std::array<std::uint64_t, rank_numbers::lower_count>
lower_tiers::remove_all(std::uint32_t rank, tier_owner owner) {
  std::array<std::uint64_t, rank_numbers::lower_count> gone{};
  for (std::uint32_t id = next(0); id != no_index; id = next(id + 1)) {
    const place where = place_of(records_[id]);
    if (!is_in_use(id) || where.rank != rank)
      continue;
    if (remove(where, records_[id].name, owner) == removed::gone)
      ++gone[where.tier];
  }
  return gone;
}

std::uint32_t lower_tiers::find(place where, std::uint64_t name) const {
  return names_.find(name_hash(where, name), [&](std::uint32_t id) {
    const record& one = records_[id];
    return one.name == name && is_same(place_of(one), where);
  });
}

std::uint32_t lower_tiers::child(place where,
                                 std::optional<std::uint64_t> parent,
                                 std::uint64_t tokens) const {
  std::uint32_t lowest = no_index;
  edges_.find(edge_hash(where, parent, tokens), [&](std::uint32_t id) {
    const record& one = records_[id];
    if (one.tokens == tokens && is_same(place_of(one), where) &&
        parent_of(one) == parent &&
        (lowest == no_index || one.name < records_[lowest].name))
      lowest = id;
    return false;
  });
  return lowest;
}

void lower_tiers::prefetch_follow(place where,
                                  std::optional<std::uint64_t> parent,
                                  std::uint64_t local) const {
  static_cast<void>(edges_.viewed(edge_hash(where, parent, local)));
}

std::size_t lower_tiers::follow(place where,
                                std::optional<std::uint64_t>& parent,
                                std::span<const std::uint64_t> local) const {
  std::size_t depth = 0;
  for (; depth < local.size(); ++depth) {
    const std::uint32_t id = child(where, parent, local[depth]);
    if (id == no_index)
      break;
    record& one = records_[id];
    // Looked at first, so that a block in use is not written again and again.
    if ((one.state.load(std::memory_order_relaxed) & used) == 0)
      one.state.fetch_or(used, std::memory_order_relaxed);
    parent = one.name;
  }
  return depth;
}

std::vector<tier_blocks::block> lower_tiers::dump(place where) const {
  std::vector<tier_blocks::block> held;
  std::unordered_map<std::uint64_t, std::size_t> named;
  for (std::uint32_t id = next(0); id != no_index; id = next(id + 1)) {
    const record& one = records_[id];
    if (!is_in_use(id) || !is_same(place_of(one), where))
      continue;
    named.emplace(one.name, held.size());
    held.push_back({one.name, one.tokens, parent_of(one)});
  }
  // Climb to the first ancestor that is out already, not here, or on the way
  // (a circle), and come down again.
  std::vector<tier_blocks::block> ordered;
  std::vector<bool> seen(held.size());
  std::vector<std::size_t> way;
  for (std::size_t start = 0; start < held.size(); ++start) {
    for (std::size_t at = start; !seen[at];) {
      seen[at] = true;
      way.push_back(at);
      const auto above = held[at].parent_hash
                             ? named.find(*held[at].parent_hash)
                             : named.end();
      if (above != named.end())
        at = above->second;
    }
    for (; !way.empty(); way.pop_back())
      ordered.push_back(held[way.back()]);
  }
  return ordered;
}

void lower_tiers::sweep(std::uint32_t id) {
  if (is_in_use(id) && !numbers_.is_live(place_of(records_[id]).rank))
    drop(id);
}

std::optional<lower_tiers::place> lower_tiers::evict(std::uint32_t id) {
  if (!is_in_use(id))
    return std::nullopt;
  std::atomic<std::uint32_t>& state = records_[id].state;
  const std::uint32_t now = state.load(std::memory_order_relaxed);
  if ((now & used) != 0) {
    state.fetch_or(fresh, std::memory_order_relaxed);
    state.fetch_and(~used, std::memory_order_relaxed);
    return std::nullopt;
  }
  if ((now & fresh) != 0) {
    state.fetch_and(~fresh, std::memory_order_relaxed);
    return std::nullopt;
  }
  const place where = place_of(records_[id]);
  drop(id);
  return where;
}

bool lower_tiers::is_in_use(std::uint32_t id) const {
  return (records_[id].state.load(std::memory_order_relaxed) & in_use) != 0;
}

void lower_tiers::drop(std::uint32_t id) {
  record& gone = records_[id];
  names_.erase(id, by_name{*this});
  edges_.erase(id, by_edge{*this});
  count(place_of(gone), ~std::uint32_t{0});
  gone.state.fetch_and(~in_use, std::memory_order_acq_rel);
  records_.retire(id);
}

void lower_tiers::count(place where, std::uint32_t change) {
  std::atomic<std::uint32_t>& blocks = numbers_[where.rank].lower[where.tier];
  blocks.store(blocks.load(std::memory_order_relaxed) + change,
               std::memory_order_release);
}

} // namespace dynamo
