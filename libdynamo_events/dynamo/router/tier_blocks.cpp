#include "dynamo/router/tier_blocks.hpp"

namespace dynamo {

namespace {

std::uint64_t edge_hash(std::optional<std::uint64_t> parent,
                        std::uint64_t tokens_hash) {
  return mix(tokens_hash + mix(parent.value_or(0)));
}

} // namespace

struct tier_blocks::by_name {
  std::vector<entry>& entries;

  std::uint32_t& next(std::uint32_t id) { return entries[id].next_named; }
  std::uint64_t hash(std::uint32_t id) const {
    return mix(entries[id].block_hash);
  }
};

struct tier_blocks::by_edge {
  std::vector<entry>& entries;

  std::uint32_t& next(std::uint32_t id) { return entries[id].next_edge; }
  std::uint64_t hash(std::uint32_t id) const {
    return edge_hash(outside(entries[id]).parent_hash, entries[id].tokens_hash);
  }
};

tier_blocks::block tier_blocks::outside(const entry& inside) {
  block made{inside.block_hash, inside.tokens_hash, std::nullopt};
  if (inside.has_parent)
    made.parent_hash = inside.parent_hash;
  return made;
}

bool tier_blocks::store(const block& stored, tier_owner owner) {
  const auto bit = static_cast<std::uint8_t>(owner);
  std::uint8_t owners = bit;
  if (const std::uint32_t id = find(stored.block_hash); id != no_index) {
    entry& there = entries_[id];
    owners = static_cast<std::uint8_t>(owners | there.owners);
    const block old = outside(there);
    if (old.tokens_hash == stored.tokens_hash &&
        old.parent_hash == stored.parent_hash) {
      const bool news = owners != there.owners;
      there.owners = owners;
      return news;
    }
    erase(id);
  }
  const auto id = static_cast<std::uint32_t>(entries_.size());
  entries_.push_back({stored.block_hash, stored.tokens_hash,
                      stored.parent_hash.value_or(0), no_index, no_index,
                      stored.parent_hash.has_value(), owners});
  names_.insert(id, by_name{entries_});
  edges_.insert(id, by_edge{entries_});
  return true;
}

bool tier_blocks::remove(std::uint64_t block_hash, tier_owner owner) {
  const auto bit = static_cast<std::uint8_t>(owner);
  const std::uint32_t id = find(block_hash);
  if (id == no_index || (entries_[id].owners & bit) == 0)
    return false;
  entries_[id].owners = static_cast<std::uint8_t>(entries_[id].owners & ~bit);
  if (entries_[id].owners == 0)
    erase(id);
  return true;
}

void tier_blocks::remove_all(tier_owner owner) {
  // From the end: erasing moves the last entry, which has had its turn.
  for (std::size_t i = entries_.size(); i-- > 0;)
    remove(entries_[i].block_hash, owner);
}

std::uint32_t tier_blocks::find(std::uint64_t block_hash) const {
  std::uint32_t id = names_.head(mix(block_hash));
  while (id != no_index && entries_[id].block_hash != block_hash)
    id = entries_[id].next_named;
  return id;
}

std::uint32_t tier_blocks::child(const std::optional<std::uint64_t>& parent,
                                 std::uint64_t tokens_hash) const {
  std::uint32_t lowest = no_index;
  std::uint32_t id = edges_.head(edge_hash(parent, tokens_hash));
  for (; id != no_index; id = entries_[id].next_edge) {
    const entry& one = entries_[id];
    if (one.tokens_hash == tokens_hash && outside(one).parent_hash == parent &&
        (lowest == no_index || one.block_hash < entries_[lowest].block_hash))
      lowest = id;
  }
  return lowest;
}

std::size_t tier_blocks::follow(std::optional<std::uint64_t>& parent,
                                std::span<const std::uint64_t> local) const {
  std::size_t depth = 0;
  for (; depth < local.size(); ++depth) {
    const std::uint32_t id = child(parent, local[depth]);
    if (id == no_index)
      break;
    parent = entries_[id].block_hash;
  }
  return depth;
}

void tier_blocks::erase(std::uint32_t id) {
  names_.erase(id, by_name{entries_});
  edges_.erase(id, by_edge{entries_});
  const auto last = static_cast<std::uint32_t>(entries_.size() - 1);
  if (id != last) {
    entries_[id] = entries_[last];
    names_.rename(last, id, by_name{entries_});
    edges_.rename(last, id, by_edge{entries_});
  }
  entries_.pop_back();
  if (entries_.size() < entries_.capacity() / 4)
    entries_.shrink_to_fit();
}

std::vector<tier_blocks::block> tier_blocks::dump() const {
  std::vector<block> blocks;
  blocks.reserve(entries_.size());
  std::vector<bool> seen(entries_.size());
  std::vector<std::uint32_t> ancestors;
  for (std::uint32_t start = 0; start < entries_.size(); ++start) {
    // Climb to the first ancestor that is out already, not here, or on the way
    // (a circle), and come down again.
    for (std::uint32_t id = start; id != no_index && !seen[id];) {
      seen[id] = true;
      ancestors.push_back(id);
      id = entries_[id].has_parent ? find(entries_[id].parent_hash) : no_index;
    }
    for (; !ancestors.empty(); ancestors.pop_back())
      blocks.push_back(outside(entries_[ancestors.back()]));
  }
  return blocks;
}

std::uint64_t tier_blocks::heap_bytes() const {
  return entries_.capacity() * sizeof(entry) + names_.heap_bytes() +
         edges_.heap_bytes();
}

} // namespace dynamo
