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

std::uint32_t device_blocks::child(std::uint32_t parent,
                                   std::uint64_t path) const {
  const std::uint32_t link = link_of(parent);
  if (!block_node::are_several(link))
    return link != no_index && is_child(link, parent, path) ? link : no_index;
  return paths_.find(path_hash::spread(path), [&](std::uint32_t id) {
    return is_child(id, parent, path);
  });
}

void device_blocks::prepare(std::uint64_t& path,
                            std::span<const std::uint64_t> local,
                            steps& to) const {
  const std::size_t count = local.size();
  for (std::size_t i = 0; i < count; ++i) {
    to[i].path = path = hash_.step(path, local[i]);
    to[i].by_path = paths_.viewed(path_hash::spread(path));
  }
  for (std::size_t i = 0; i < count; ++i) {
    to[i].guess = paths_.peek(to[i].by_path);
    if (to[i].guess != no_index)
      __builtin_prefetch(&nodes_[to[i].guess]);
  }
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

std::uint32_t device_blocks::find_with_aliases(std::uint32_t rank,
                                               std::uint64_t name,
                                               std::uint32_t listed) const {
  const std::uint32_t alias = aliases_.find(rank, name);
  if (alias != no_index)
    return alias;
  if (listed == no_index || aliases_.of(rank, listed).is_there ||
      !is_held(listed, rank))
    return no_index;
  return listed;
}

void device_blocks::prepare(std::uint32_t parent,
                            std::span<const kv_block> blocks,
                            arrivals& to) const {
  std::uint64_t path = path_of(parent);
  const std::size_t count = blocks.size();
  for (std::size_t i = 0; i < count; ++i) {
    path = hash_.step(path, blocks[i].tokens_hash);
    to[i].path = path;
    to[i].by_path = paths_.prefetched(path_hash::spread(path));
    to[i].by_name = names_.prefetched(name_keys_.hash_of(blocks[i].block_hash));
  }
  for (std::size_t i = 0; i < count; ++i) {
    to[i].guess = paths_.peek(to[i].by_path);
    if (to[i].guess != no_index)
      __builtin_prefetch(&nodes_[to[i].guess]);
  }
}

/// The same as for readers, but the table was asked already. No block of the
/// batch has come since that could have this path.
[[gnu::always_inline]] inline std::uint32_t
device_blocks::child(std::uint32_t parent, const arrival& at) const {
  const std::uint32_t link = link_of(parent);
  if (!block_node::are_several(link))
    return link != no_index && is_child(link, parent, at.path) ? link
                                                               : no_index;
  if (at.guess == no_index || is_child(at.guess, parent, at.path))
    return at.guess;
  return paths_.find(at.by_path, [&](std::uint32_t id) {
    return is_child(id, parent, at.path);
  });
}

[[gnu::always_inline]] inline device_blocks::placed
device_blocks::store(std::uint32_t rank, std::uint32_t parent,
                     const kv_block& block, const arrival& at) {
  const std::uint32_t id = child(parent, at);
  if (id == no_index)
    return create(rank, parent, block.block_hash, at);
  if (numbers_.are_retired()) {
    // For who holds it decides about its name. Not `sweep`, which might free
    // it.
    take_out_retired(id);
  }
  return hold(rank, id, block.block_hash);
}

[[gnu::always_inline]] inline device_blocks::placed
device_blocks::create(std::uint32_t rank, std::uint32_t parent,
                      std::uint64_t name, const arrival& at) {
  const std::uint32_t listed = listed_as(name, at.by_name);
  if (find(rank, name, listed) != no_index)
    return {placement::misplaced};
  const std::uint32_t id = nodes_.take(parent == root ? no_index : parent + 1);
  if (id == no_index)
    return {placement::no_memory};
  const bool is_first = listed == no_index;
  block_node& fresh = nodes_[id];
  fresh.path = at.path;
  fresh.name.store(name, std::memory_order_relaxed);
  fresh.ranks.store(rank_word::alone(rank), std::memory_order_relaxed);
  fresh.above.store(parent | block_node::fresh |
                        (is_first ? block_node::listed : 0),
                    std::memory_order_relaxed);
  fresh.link.store(no_index, std::memory_order_release);
  // Readers come by path, so that comes last.
  const bool is_known = is_first ? names_.insert(at.by_name, id, name_keys_)
                                 : aliases_.put(rank, id, name);
  if (!is_known || !paths_.insert(at.by_path, id, path_keys_)) {
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

[[gnu::always_inline]] inline device_blocks::placed
device_blocks::hold(std::uint32_t rank, std::uint32_t id, std::uint64_t name) {
  block_node& node = nodes_[id];
  const std::uint64_t ranks = node.ranks.load(std::memory_order_relaxed);
  if (rank_word::contains(ranks, rank))
    return hold_again(rank, id, name);
  if (ranks == 0)
    relist(id, name);
  const bool is_named_so = node.is_named(name);
  // Else all about names is settled: the block has it, and the rank no other.
  if (!is_named_so || !node.is_listed() || aliases_.has_any(rank)) {
    const std::uint32_t listed = listed_as(name);
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

// -- In batches

device_blocks::chain device_blocks::store(std::uint32_t rank,
                                          std::uint32_t parent,
                                          std::span<const kv_block> blocks) {
  chain made;
  std::array<std::uint64_t, placements> count{};
  std::uint64_t seen = 0;
  arrivals at;
  std::size_t i = 0;
  for (; i < blocks.size(); ++i) {
    if (i % batch == 0) {
      prepare(parent, blocks.subspan(i, std::min(batch, blocks.size() - i)),
              at);
      seen = layout();
    }
    if (seen != layout()) {
      const std::size_t left = std::min(batch - i % batch, blocks.size() - i);
      renew(std::span{at}.subspan(i % batch, left));
      seen = layout();
    }
    const placed one = store(rank, parent, blocks[i], at[i % batch]);
    if (one.block == no_index) {
      made.stopped = one.what;
      break;
    }
    ++count[static_cast<std::size_t>(one.what)];
    made.pairs += one.is_new ? 1 : 0;
    parent = one.block;
  }
  made.done = i;
  made.last = parent;
  made.added = count[static_cast<std::size_t>(placement::added)];
  made.present = count[static_cast<std::size_t>(placement::present)];
  made.conflicts = count[static_cast<std::size_t>(placement::conflict)];
  return made;
}

void device_blocks::renew(std::span<arrival> left) const {
  for (arrival& one : left) {
    one.by_path = paths_.spot_of(one.by_path.hash);
    one.by_name = names_.spot_of(one.by_name.hash);
  }
}

} // namespace dynamo
