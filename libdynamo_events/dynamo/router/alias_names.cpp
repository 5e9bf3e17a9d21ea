#include "dynamo/router/alias_names.hpp"

namespace dynamo {

alias_names::alias_names(retired_blocks& retired, rank_numbers& numbers,
                         std::uint64_t seed)
    : numbers_(numbers)
    , records_(retired)
    , name_keys_{records_, mix(seed + 1)}
    , node_keys_{records_, mix(seed + 2)}
    , names_(retired)
    , nodes_(retired) {}

std::uint32_t alias_names::find(std::uint32_t rank, std::uint64_t name) const {
  if (!has_any(rank))
    return no_index;
  const std::uint32_t id =
      names_.find(name_keys_.hash_of(rank, name), [&](std::uint32_t one) {
        return records_[one].name == name && records_[one].rank == rank;
      });
  return id == no_index ? no_index : records_[id].node;
}

std::uint32_t alias_names::record_of(std::uint32_t rank,
                                     std::uint32_t node) const {
  if (!has_any(rank))
    return no_index;
  return nodes_.find(node_keys_.hash_of(rank, node), [&](std::uint32_t one) {
    return records_[one].node == node && records_[one].rank == rank;
  });
}

alias_names::alias alias_names::of(std::uint32_t rank,
                                   std::uint32_t node) const {
  const std::uint32_t id = record_of(rank, node);
  if (id == no_index)
    return {};
  return {true, records_[id].is_nameless, records_[id].name};
}

bool alias_names::put(std::uint32_t rank, std::uint32_t node,
                      std::uint64_t name) {
  return put({name, node, static_cast<std::uint16_t>(rank), false, 0});
}

bool alias_names::put_nameless(std::uint32_t rank, std::uint32_t node) {
  return put({0, node, static_cast<std::uint16_t>(rank), true, 0});
}

bool alias_names::put(const record& made) {
  const std::uint32_t old = record_of(made.rank, made.node);
  const std::uint32_t id = records_.take();
  if (id == no_index)
    return false;
  record& fresh = records_[id];
  fresh.name = made.name;
  fresh.node = made.node;
  fresh.rank = made.rank;
  fresh.is_nameless = made.is_nameless;
  const bool is_named = made.is_nameless || names_.insert(id, name_keys_);
  if (!is_named || !nodes_.insert(id, node_keys_)) {
    if (is_named && !made.is_nameless)
      names_.erase(id, name_keys_);
    records_.retire(id);
    return false;
  }
  count(made.rank, 1);
  // The old one goes last, so that a reader finds one of them.
  if (old != no_index)
    drop(old);
  return true;
}

void alias_names::erase_one(std::uint32_t rank, std::uint32_t node) {
  if (const std::uint32_t id = record_of(rank, node); id != no_index)
    drop(id);
}

void alias_names::drop(std::uint32_t id) {
  const record& gone = records_[id];
  if (!gone.is_nameless)
    names_.erase(id, name_keys_);
  nodes_.erase(id, node_keys_);
  count(gone.rank, ~std::uint32_t{0});
  records_.retire(id);
}

void alias_names::count(std::uint32_t rank, std::uint32_t change) {
  std::atomic<std::uint32_t>& aliases = numbers_[rank].aliases;
  aliases.store(aliases.load(std::memory_order_relaxed) + change,
                std::memory_order_release);
  size_.store(nodes_.size(), std::memory_order_release);
}

} // namespace dynamo
