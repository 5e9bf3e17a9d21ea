#include "dynamo/router/prefix_tree.hpp"

#include <algorithm>

namespace dynamo {

namespace {

std::uint64_t edge_hash(std::uint32_t parent, std::uint64_t tokens_hash) {
  return mix(tokens_hash + parent * 0x9e3779b97f4a7c15U);
}

} // namespace

struct prefix_tree::by_name {
  page_pool<node>& nodes;

  std::uint32_t& next(std::uint32_t id) { return nodes[id].next_named; }
  std::uint64_t hash(std::uint32_t id) const {
    return mix(nodes[id].block_hash);
  }
};

struct prefix_tree::by_edge {
  page_pool<node>& nodes;

  std::uint32_t& next(std::uint32_t id) { return nodes[id].next_edge; }
  std::uint64_t hash(std::uint32_t id) const {
    return edge_hash(nodes[id].parent, nodes[id].tokens_hash);
  }
};

prefix_tree::prefix_tree() {
  // The first number is `root`. It stands in no table.
  node& top = nodes_[nodes_.take()];
  top.block_hash = 0;
  top.tokens_hash = 0;
  top.parent = top.first_child = no_index;
  top.next_sibling = top.previous_sibling = no_index;
  top.next_named = top.next_edge = no_index;
  top.starts_run = top.ends_run = true;
}

std::uint32_t prefix_tree::find(std::uint32_t rank,
                                std::uint64_t block_hash) const {
  std::uint32_t id = names_.head(mix(block_hash));
  for (; id != no_index; id = nodes_[id].next_named) {
    if (nodes_[id].block_hash == block_hash &&
        nodes_[id].ranks.contains(rank) && !is_nameless(rank, id))
      break;
  }
  return id;
}

bool prefix_tree::is_nameless(std::uint32_t rank, std::uint32_t block) const {
  return !nameless_.empty() && nameless_.contains({rank, block});
}

void prefix_tree::branch(std::uint32_t parent,
                         std::span<const kv_block> blocks) {
  std::uint32_t end = parent;
  for (const kv_block& block : blocks) {
    const std::uint32_t next = next_in_run(end);
    if (next == no_index) {
      if (end != parent && nodes_[end].ends_run)
        break;
      return;
    }
    if (nodes_[next].tokens_hash != block.tokens_hash ||
        nodes_[next].block_hash != block.block_hash)
      break;
    end = next;
    if (&block == &blocks.back())
      return;
  }
  if (!blocks.empty())
    end_run(parent);
}

std::uint32_t prefix_tree::next_in_run(std::uint32_t block) const {
  // A block either has one child that continues its run, or only others.
  const std::uint32_t id = nodes_[block].first_child;
  return id == no_index || nodes_[id].starts_run ? no_index : id;
}

void prefix_tree::end_run(std::uint32_t block) {
  if (const std::uint32_t next = next_in_run(block); next != no_index)
    nodes_[next].starts_run = true;
  nodes_[block].ends_run = true;
}

prefix_tree::placed prefix_tree::store(std::uint32_t rank, std::uint32_t parent,
                                       std::uint64_t block_hash,
                                       std::uint64_t tokens_hash) {
  std::uint32_t block = child(parent, tokens_hash);
  if (block != no_index && nodes_[block].block_hash != block_hash) {
    if (hold(rank, block))
      nameless_.emplace(rank, block);
    return {placement::conflict, block};
  }
  const std::uint32_t namesake = find(rank, block_hash);
  if (namesake != no_index && namesake != block)
    return {placement::misplaced, no_index};
  if (block == no_index)
    block = add_child(parent, block_hash, tokens_hash);
  else if (!nameless_.empty())
    nameless_.erase({rank, block});
  return {hold(rank, block) ? placement::added : placement::present, block};
}

std::uint32_t prefix_tree::child(std::uint32_t parent,
                                 std::uint64_t tokens_hash) const {
  std::uint32_t id = edges_.head(edge_hash(parent, tokens_hash));
  while (id != no_index &&
         (nodes_[id].parent != parent || nodes_[id].tokens_hash != tokens_hash))
    id = nodes_[id].next_edge;
  return id;
}

std::uint32_t prefix_tree::add_child(std::uint32_t parent,
                                     std::uint64_t block_hash,
                                     std::uint64_t tokens_hash) {
  if (nodes_[parent].first_child != no_index)
    end_run(parent);
  const std::uint32_t id = nodes_.take();
  node& fresh = nodes_[id];
  node& above = nodes_[parent];
  fresh.block_hash = block_hash;
  fresh.tokens_hash = tokens_hash;
  fresh.parent = parent;
  fresh.first_child = no_index;
  fresh.previous_sibling = no_index;
  fresh.next_sibling = above.first_child;
  fresh.starts_run = above.ends_run;
  fresh.ends_run = false;
  if (above.first_child != no_index)
    nodes_[above.first_child].previous_sibling = id;
  above.first_child = id;
  names_.insert(id, by_name{nodes_});
  edges_.insert(id, by_edge{nodes_});
  return id;
}

bool prefix_tree::hold(std::uint32_t rank, std::uint32_t block) {
  rank_set& ranks = nodes_[block].ranks;
  const std::uint64_t before = ranks.heap_bytes();
  if (!ranks.insert(rank))
    return false;
  rank_bytes_ += ranks.heap_bytes() - before;
  if (rank >= held_.size())
    held_.resize(rank + 1);
  ++held_[rank];
  ++pairs_;
  if (!islands_.empty()) {
    std::uint32_t id = nodes_[block].first_child;
    for (; id != no_index; id = nodes_[id].next_sibling)
      islands_.erase({rank, id});
  }
  return true;
}

void prefix_tree::let_go(std::uint32_t rank, std::uint32_t block) {
  rank_set& ranks = nodes_[block].ranks;
  const std::uint64_t before = ranks.heap_bytes();
  ranks.erase(rank);
  rank_bytes_ -= before - ranks.heap_bytes();
  --held_[rank];
  --pairs_;
  if (!nameless_.empty())
    nameless_.erase({rank, block});
  if (!islands_.empty())
    islands_.erase({rank, block});
}

std::vector<std::uint64_t> prefix_tree::remove(std::uint32_t rank,
                                               std::uint32_t block) {
  std::vector<std::uint64_t> gone;
  std::uint32_t last = block;
  std::uint32_t id = block;
  for (; id != no_index && nodes_[id].ranks.contains(rank);
       id = next_in_run(id)) {
    let_go(rank, id);
    gone.push_back(nodes_[id].block_hash);
    last = id;
  }
  // A rank that did not hold the end of the run has nothing new below it.
  if (id != no_index)
    return gone;
  std::uint32_t below = nodes_[last].first_child;
  for (; below != no_index; below = nodes_[below].next_sibling) {
    if (nodes_[below].ranks.contains(rank))
      islands_.emplace(rank, below);
  }
  if (nodes_[last].ranks.empty())
    drop_run_end(last);
  return gone;
}

/// Frees the end of a run that nobody holds, all below it, and what of the run
/// nobody holds.
void prefix_tree::drop_run_end(std::uint32_t block) {
  std::vector<std::uint32_t> below{block};
  for (std::size_t i = 0; i < below.size(); ++i) {
    std::uint32_t id = nodes_[below[i]].first_child;
    for (; id != no_index; id = nodes_[id].next_sibling)
      below.push_back(id);
  }
  for (std::size_t i = below.size(); i-- > 1;) {
    while (!nodes_[below[i]].ranks.empty())
      let_go(nodes_[below[i]].ranks.ranks().back(), below[i]);
    drop_node(below[i]);
  }
  while (nodes_[block].ranks.empty()) {
    const std::uint32_t parent = nodes_[block].parent;
    const bool was_start = nodes_[block].starts_run;
    drop_node(block);
    if (was_start)
      break;
    block = parent;
  }
}

void prefix_tree::drop_node(std::uint32_t block) {
  names_.erase(block, by_name{nodes_});
  edges_.erase(block, by_edge{nodes_});
  const node& gone = nodes_[block];
  if (gone.previous_sibling != no_index)
    nodes_[gone.previous_sibling].next_sibling = gone.next_sibling;
  else
    nodes_[gone.parent].first_child = gone.next_sibling;
  if (gone.next_sibling != no_index)
    nodes_[gone.next_sibling].previous_sibling = gone.previous_sibling;
  nodes_.give_back(block);
}

void prefix_tree::remove_all(std::uint32_t rank) {
  const std::vector<std::uint32_t> blocks = all_of(rank);
  for (const std::uint32_t id : blocks)
    let_go(rank, id);
  // Ends of runs are held by somebody or free, so only those matter that are
  // nobody's now. Backwards, nothing that is freed is looked at again: what
  // lies below a block stands behind it.
  std::vector<std::uint32_t> ends;
  std::copy_if(blocks.begin(), blocks.end(), std::back_inserter(ends),
               [&](std::uint32_t id) {
                 return nodes_[id].ranks.empty() && next_in_run(id) == no_index;
               });
  for (auto id = ends.rbegin(); id != ends.rend(); ++id)
    drop_run_end(*id);
}

/// All blocks of a rank. A block stands behind every block that is above it.
std::vector<std::uint32_t> prefix_tree::all_of(std::uint32_t rank) const {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> islands;
  for (auto at = islands_.lower_bound({rank, 0});
       at != islands_.end() && at->first == rank; ++at)
    islands.emplace_back(depth_of(at->second), at->second);
  std::sort(islands.begin(), islands.end());

  std::vector<std::uint32_t> found;
  std::size_t next = 0;
  const auto add_children = [&](std::uint32_t of) {
    std::uint32_t id = nodes_[of].first_child;
    for (; id != no_index; id = nodes_[id].next_sibling) {
      if (nodes_[id].ranks.contains(rank))
        found.push_back(id);
    }
  };
  add_children(root);
  for (; next < found.size(); ++next)
    add_children(found[next]);
  for (const auto& [depth, island] : islands) {
    found.push_back(island);
    for (; next < found.size(); ++next)
      add_children(found[next]);
  }
  return found;
}

std::uint32_t prefix_tree::depth_of(std::uint32_t block) const {
  std::uint32_t depth = 0;
  for (; block != root; block = nodes_[block].parent)
    ++depth;
  return depth;
}

prefix_tree::matched
prefix_tree::match(std::span<const std::uint64_t> local) const {
  matched found;
  std::vector<std::uint32_t> active;
  std::uint32_t at = root;
  std::size_t ranks_above = 0;
  std::uint32_t depth = 0;
  for (const std::uint64_t tokens_hash : local) {
    at = child(at, tokens_hash);
    if (at == no_index)
      break;
    const auto ranks = nodes_[at].ranks.ranks();
    if (depth == 0) {
      active.assign(ranks.begin(), ranks.end());
    } else if (nodes_[at].starts_run || ranks.size() != ranks_above) {
      // Within a run ranks only get fewer: as many are the same ones.
      auto held = ranks.begin();
      std::erase_if(active, [&](std::uint32_t rank) {
        held = std::lower_bound(held, ranks.end(), rank);
        if (held != ranks.end() && *held == rank)
          return false;
        found.depths.emplace_back(rank, depth);
        return true;
      });
    }
    if (active.empty())
      return found;
    ranks_above = ranks.size();
    found.names.push_back(nodes_[at].block_hash);
    ++depth;
  }
  for (const std::uint32_t rank : active)
    found.depths.emplace_back(rank, depth);
  return found;
}

std::vector<prefix_tree::held_node>
prefix_tree::dump(std::uint32_t rank) const {
  std::vector<held_node> blocks;
  blocks.reserve(held(rank));
  for (const std::uint32_t id : all_of(rank)) {
    const node& block = nodes_[id];
    blocks.push_back({block.block_hash, block.tokens_hash, std::nullopt});
    if (block.parent != root)
      blocks.back().parent_hash = nodes_[block.parent].block_hash;
  }
  return blocks;
}

std::uint64_t prefix_tree::heap_bytes() const {
  // A set's entry costs about what three pointers and a colour do.
  return nodes_.heap_bytes() + names_.heap_bytes() + edges_.heap_bytes() +
         rank_bytes_ + (nameless_.size() + islands_.size()) * 40 +
         held_.capacity() * sizeof(held_[0]);
}

} // namespace dynamo
