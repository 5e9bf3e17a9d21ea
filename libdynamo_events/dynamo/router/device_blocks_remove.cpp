// Blocks that go, and nodes that nobody needs then.

#include "dynamo/router/device_blocks.hpp"

#include <algorithm>

namespace dynamo {

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

void device_blocks::prepare(std::span<const std::uint64_t> names,
                            departures& to) const {
  const std::size_t count = names.size();
  for (std::size_t i = 0; i < count; ++i)
    to[i].by_name = names_.prefetched(name_keys_.hash_of(names[i]));
  for (std::size_t i = 0; i < count; ++i) {
    to[i].guess = names_.peek(to[i].by_name);
    if (to[i].guess != no_index)
      __builtin_prefetch(&nodes_[to[i].guess]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (to[i].guess != no_index)
      to[i].by_path =
          paths_.prefetched(path_hash::spread(nodes_[to[i].guess].path));
  }
}

inline bool device_blocks::is_needless(std::uint32_t id) const {
  return id != root && is_leaf(id) &&
         nodes_[id].ranks.load(std::memory_order_relaxed) == 0;
}

/// `by_name` matters only when the node is listed.
[[gnu::always_inline]] inline void
device_blocks::unlink(std::uint32_t id, const path_spot& by_path,
                      const name_spot& by_name) {
  block_node& node = nodes_[id];
  drop_child(node.parent());
  paths_.erase(by_path, id, path_keys_);
  if (node.is_listed())
    names_.erase(by_name, id, name_keys_);
  node.above.store(block_node::nowhere, std::memory_order_release);
  nodes_.retire(id);
}

[[gnu::always_inline]] inline bool device_blocks::remove(std::uint32_t rank,
                                                         std::uint64_t name,
                                                         const departure& at) {
  const std::uint32_t id = at.guess;
  if (aliases_.size() > 0 || id == no_index || !nodes_[id].is_listed() ||
      !nodes_[id].is_named(name))
    return remove_slowly(rank, name, at);
  if (!words_.remove(nodes_[id].ranks, rank))
    return false;
  if (is_needless(id)) {
    const std::uint32_t parent = nodes_[id].parent();
    unlink(id, at.by_path, at.by_name);
    if (is_needless(parent))
      prune(parent);
  }
  return true;
}

/// Where the guess was wrong, or the rank may have a name of its own.
bool device_blocks::remove_slowly(std::uint32_t rank, std::uint64_t name,
                                  const departure& at) {
  const std::uint32_t id = find(rank, name, listed_as(name, at.by_name));
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
  while (is_needless(id)) {
    const block_node& node = nodes_[id];
    const std::uint32_t parent = node.parent();
    unlink(id, paths_.spot_of(path_hash::spread(node.path)),
           spot_of(node.name.load(std::memory_order_relaxed)));
    id = parent;
  }
  return id;
}

// -- In batches

std::uint64_t device_blocks::remove(std::uint32_t rank,
                                    std::span<const std::uint64_t> names) {
  std::uint64_t gone = 0;
  std::uint64_t seen = 0;
  departures at;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i % batch == 0) {
      prepare(names.subspan(i, std::min(batch, names.size() - i)), at);
      seen = layout();
    }
    if (seen != layout()) {
      const std::size_t left = std::min(batch - i % batch, names.size() - i);
      renew(std::span{at}.subspan(i % batch, left));
      seen = layout();
    }
    gone += remove(rank, names[i], at[i % batch]) ? 1 : 0;
  }
  return gone;
}

void device_blocks::renew(std::span<departure> left) const {
  for (departure& one : left) {
    one.by_name = names_.spot_of(one.by_name.hash);
    if (one.guess != no_index)
      one.by_path = paths_.spot_of(one.by_path.hash);
  }
}

} // namespace dynamo
