#include "dynamo/router/device_blocks.hpp"

#include <algorithm>

namespace dynamo {

device_blocks::device_blocks(retired_blocks& retired, rank_numbers& numbers,
                             conflict_policy conflicts, std::uint64_t seed)
    : numbers_(numbers)
    , conflicts_(conflicts)
    , hash_(seed)
    , words_(retired)
    , nodes_(retired)
    , path_keys_{nodes_}
    , name_keys_{nodes_, mix(seed + 5)}
    , paths_(retired)
    , names_(retired)
    , aliases_(retired, numbers, seed)
    , found_(counted_allocator<std::uint32_t>{retired.memory()}) {}

device_blocks::~device_blocks() {
  for (std::uint32_t id = next(0); id != no_index; id = next(id + 1))
    words_.clear(nodes_[id].ranks);
}

// -- Any thread

std::uint32_t device_blocks::child(std::uint32_t parent, std::uint64_t path,
                                   std::uint64_t path_hash) const {
  const auto is_child = [&](std::uint32_t id) {
    return nodes_[id].path == path && nodes_[id].parent() == parent;
  };
  if (parent != root) {
    const std::uint32_t only = nodes_[parent].child();
    if (only == no_index)
      return no_index;
    if ((only & block_node::several) == 0)
      return is_child(only) ? only : no_index;
  }
  return paths_.find(path_hash, is_child);
}

void device_blocks::prefetch_chain(std::uint64_t path,
                                   std::uint32_t nodes) const {
  const std::uint32_t last = paths_.peek(path_hash::spread(path));
  if (last == no_index)
    return;
  // Two nodes lie in a cache line.
  const std::uint32_t before = std::min(nodes, last);
  for (std::uint32_t i = 0; i <= before; i += 2)
    __builtin_prefetch(&nodes_[last - i]);
}

std::uint64_t device_blocks::name_of(std::uint32_t rank,
                                     std::uint32_t id) const {
  const alias_names::alias alias = aliases_.of(rank, id);
  if (alias.is_there && !alias.is_nameless)
    return alias.name;
  return nodes_[id].name.load(std::memory_order_acquire);
}

void device_blocks::use(std::uint32_t id) const {
  std::atomic<std::uint32_t>& above = nodes_[id].above;
  // Looked at first, so that a block in use is not written again and again.
  if ((above.load(std::memory_order_relaxed) & block_node::used) == 0)
    above.fetch_or(block_node::used, std::memory_order_relaxed);
}

// -- The writer

std::uint32_t device_blocks::find(std::uint32_t rank,
                                  std::uint64_t name) const {
  return find(rank, name, listed_as(name));
}

std::uint32_t device_blocks::listed_as(std::uint64_t name,
                                       std::uint64_t name_hash) const {
  return names_.find(
      name_hash, [&](std::uint32_t id) { return nodes_[id].is_named(name); });
}

std::uint32_t device_blocks::find(std::uint32_t rank, std::uint64_t name,
                                  std::uint32_t listed) const {
  if (aliases_.has_any(rank)) {
    const std::uint32_t alias = aliases_.find(rank, name);
    if (alias != no_index)
      return alias;
    if (listed != no_index && aliases_.of(rank, listed).is_there)
      return no_index;
  }
  if (listed == no_index ||
      !rank_word::contains(nodes_[listed].ranks.load(std::memory_order_relaxed),
                           rank))
    return no_index;
  return listed;
}

void device_blocks::prepare_store(std::uint32_t parent,
                                  std::span<const kv_block> blocks,
                                  places& to) const {
  std::uint64_t path = path_of(parent);
  const std::size_t count = std::min(batch, blocks.size());
  for (std::size_t i = 0; i < count; ++i) {
    path = hash_.step(path, blocks[i].tokens_hash);
    to[i] = {path, path_hash::spread(path),
             name_keys_.hash_of(blocks[i].block_hash)};
    paths_.prefetch(to[i].path_hash);
    names_.prefetch(to[i].name_hash);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t id = paths_.peek(to[i].path_hash);
    if (id != no_index)
      __builtin_prefetch(&nodes_[id]);
  }
}

device_blocks::placed device_blocks::store(std::uint32_t rank,
                                           std::uint32_t parent,
                                           const kv_block& block,
                                           const place& at) {
  const std::uint32_t id = child(parent, at.path, at.path_hash);
  if (id == no_index)
    return create(rank, parent, block.block_hash, at);
  if (numbers_.are_retired()) {
    // For who holds it decides about its name. Not `sweep`, which might free
    // it.
    take_out_retired(id);
  }
  return hold(rank, id, block.block_hash, at);
}

device_blocks::placed device_blocks::create(std::uint32_t rank,
                                            std::uint32_t parent,
                                            std::uint64_t name,
                                            const place& at) {
  const std::uint32_t listed = listed_as(name, at.name_hash);
  if (find(rank, name, listed) != no_index)
    return {placement::misplaced};
  const std::uint32_t id = nodes_.take(parent == root ? no_index : parent + 1);
  if (id == no_index)
    return {placement::no_memory};
  const bool is_first = listed == no_index;
  block_node& fresh = nodes_[id];
  fresh.path = at.path;
  fresh.name.store(name, std::memory_order_relaxed);
  fresh.ranks.store(std::uint64_t{1} << 60 | rank, std::memory_order_relaxed);
  fresh.above.store(parent | block_node::fresh |
                        (is_first ? block_node::listed : 0),
                    std::memory_order_relaxed);
  fresh.link.store(no_index, std::memory_order_release);
  // Readers come by path, so that comes last.
  const bool is_known = is_first ? names_.insert(at.name_hash, id, name_keys_)
                                 : aliases_.put(rank, id, name);
  if (!is_known || !paths_.insert(at.path_hash, id, path_keys_)) {
    if (is_known && is_first)
      names_.erase(id, name_keys_);
    else if (is_known)
      aliases_.erase(rank, id);
    fresh.ranks.store(0, std::memory_order_relaxed);
    fresh.above.store(block_node::nowhere, std::memory_order_release);
    nodes_.retire(id);
    return {placement::no_memory};
  }
  add_child(parent, id);
  return {placement::added, id, true};
}

device_blocks::placed device_blocks::hold(std::uint32_t rank, std::uint32_t id,
                                          std::uint64_t name, const place& at) {
  block_node& node = nodes_[id];
  const std::uint64_t ranks = node.ranks.load(std::memory_order_relaxed);
  if (rank_word::contains(ranks, rank))
    return hold_again(rank, id, name);
  if (ranks == 0)
    relist(id, name);
  const bool is_named_so = node.is_named(name);
  // Else all about names is settled: the block has it, and the rank no other.
  if (!is_named_so || !node.is_listed() || aliases_.has_any(rank)) {
    const std::uint32_t listed = listed_as(name, at.name_hash);
    const bool stays_nameless =
        !is_named_so && conflicts_ == conflict_policy::first;
    if (!stays_nameless && find(rank, name, listed) != no_index)
      return {placement::misplaced};
    if (listed != id) {
      const bool done = stays_nameless ? aliases_.put_nameless(rank, id)
                                       : aliases_.put(rank, id, name);
      if (!done)
        return {placement::no_memory};
    }
  }
  if (!words_.insert(node.ranks, rank)) {
    aliases_.erase(rank, id);
    return {placement::no_memory};
  }
  return {is_named_so ? placement::added : placement::conflict, id, true};
}

device_blocks::placed device_blocks::hold_again(std::uint32_t rank,
                                                std::uint32_t id,
                                                std::uint64_t name) {
  const alias_names::alias alias = aliases_.of(rank, id);
  const std::uint64_t own = nodes_[id].name.load(std::memory_order_relaxed);
  const std::uint64_t now = alias.is_there ? alias.name : own;
  if (!alias.is_nameless && now == name)
    return {placement::present, id};
  if (conflicts_ == conflict_policy::first) {
    if (name != own || !alias.is_nameless)
      return {placement::conflict, id};
    if (find(rank, name) != no_index)
      return {placement::misplaced};
    aliases_.erase(rank, id);
    return {placement::present, id};
  }
  if (find(rank, name) != no_index)
    return {placement::misplaced};
  if (listed_as(name) == id)
    aliases_.erase(rank, id);
  else if (!aliases_.put(rank, id, name))
    return {placement::no_memory};
  return {placement::conflict, id};
}

/// A node that nobody holds takes the name of who comes. Where another node
/// has it, or there is no memory, it is only not listed.
void device_blocks::relist(std::uint32_t id, std::uint64_t name) {
  block_node& node = nodes_[id];
  if (node.is_listed()) {
    if (node.is_named(name))
      return;
    names_.erase(id, name_keys_);
    node.above.fetch_and(~block_node::listed, std::memory_order_relaxed);
  }
  node.name.store(name, std::memory_order_release);
  if (listed_as(name) == no_index && names_.insert(id, name_keys_))
    node.above.fetch_or(block_node::listed, std::memory_order_relaxed);
}

void device_blocks::add_child(std::uint32_t parent, std::uint32_t id) {
  if (parent == root)
    return;
  std::atomic<std::uint32_t>& link = nodes_[parent].link;
  const std::uint32_t now = link.load(std::memory_order_relaxed);
  std::uint32_t next = id;
  if (now != no_index)
    next = (now & block_node::several) == 0 ? block_node::several | 2 : now + 1;
  link.store(next, std::memory_order_release);
}

void device_blocks::drop_child(std::uint32_t parent) {
  if (parent == root)
    return;
  std::atomic<std::uint32_t>& link = nodes_[parent].link;
  const std::uint32_t now = link.load(std::memory_order_relaxed);
  // Which one is left of two is not known, so the count goes on.
  const bool was_last =
      (now & block_node::several) == 0 || now == (block_node::several | 1);
  link.store(was_last ? no_index : now - 1, std::memory_order_release);
}

void device_blocks::prepare_remove(std::span<const std::uint64_t> names,
                                   guesses& to) const {
  const std::size_t count = std::min(batch, names.size());
  for (std::size_t i = 0; i < count; ++i)
    names_.prefetch(name_keys_.hash_of(names[i]));
  for (std::size_t i = 0; i < count; ++i) {
    to[i] = names_.peek(name_keys_.hash_of(names[i]));
    if (to[i] != no_index)
      __builtin_prefetch(&nodes_[to[i]]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (to[i] != no_index)
      prefetch(nodes_[to[i]].path);
  }
}

bool device_blocks::remove(std::uint32_t rank, std::uint64_t name,
                           std::uint32_t guess) {
  const bool is_right = guess != no_index && nodes_[guess].is_listed() &&
                        nodes_[guess].is_named(name);
  const std::uint32_t id = find(rank, name, is_right ? guess : listed_as(name));
  if (id == no_index)
    return false;
  remove(rank, id);
  return true;
}

void device_blocks::remove(std::uint32_t rank, std::uint32_t id) {
  words_.erase(nodes_[id].ranks, rank);
  aliases_.erase(rank, id);
  prune(id);
}

/// Frees a node that nobody needs, and those above it; returns the first that
/// stays.
std::uint32_t device_blocks::prune(std::uint32_t id) {
  while (id != root && is_leaf(id) &&
         nodes_[id].ranks.load(std::memory_order_relaxed) == 0) {
    const std::uint32_t parent = nodes_[id].parent();
    unlink(id);
    id = parent;
  }
  return id;
}

void device_blocks::unlink(std::uint32_t id) {
  block_node& node = nodes_[id];
  const std::uint32_t parent = node.parent();
  drop_child(parent);
  paths_.erase(id, path_keys_);
  if (node.is_listed())
    names_.erase(id, name_keys_);
  node.above.store(block_node::nowhere, std::memory_order_release);
  nodes_.retire(id);
}

// -- Eviction and sweeping

bool device_blocks::survives(std::uint32_t id) {
  std::atomic<std::uint32_t>& above = nodes_[id].above;
  const std::uint32_t now = above.load(std::memory_order_relaxed);
  if ((now & block_node::used) != 0) {
    above.fetch_or(block_node::fresh, std::memory_order_relaxed);
    above.fetch_and(~block_node::used, std::memory_order_relaxed);
    return true;
  }
  if ((now & block_node::fresh) != 0)
    above.fetch_and(~block_node::fresh, std::memory_order_relaxed);
  return (now & block_node::fresh) != 0;
}

std::uint32_t device_blocks::drop_leaf(std::uint32_t id) {
  std::atomic<std::uint64_t>& ranks = nodes_[id].ranks;
  rank_word::for_each(ranks.load(std::memory_order_relaxed),
                      [&](std::uint32_t rank) { aliases_.erase(rank, id); });
  words_.clear(ranks);
  return prune(id);
}

void device_blocks::sweep(std::uint32_t id) {
  take_out_retired(id);
  prune(id);
}

void device_blocks::take_out_retired(std::uint32_t id) {
  std::atomic<std::uint64_t>& ranks = nodes_[id].ranks;
  found_.clear();
  rank_word::for_each(ranks.load(std::memory_order_relaxed),
                      [&](std::uint32_t rank) {
                        if (!numbers_.is_live(rank))
                          found_.push_back(rank);
                      });
  for (const std::uint32_t rank : found_) {
    words_.erase(ranks, rank);
    aliases_.erase(rank, id);
  }
}

std::vector<std::uint32_t> device_blocks::all_of(std::uint32_t rank) const {
  std::vector<std::uint32_t> held;
  for (std::uint32_t id = next(0); id != no_index; id = next(id + 1)) {
    if (is_in_tree(id) &&
        rank_word::contains(nodes_[id].ranks.load(std::memory_order_relaxed),
                            rank))
      held.push_back(id);
  }
  return held;
}

void device_blocks::end_epoch() {
  nodes_.end_epoch();
  aliases_.end_epoch();
}

} // namespace dynamo
