#pragma once

#include "dynamo/events/kv_cache.hpp"
#include "dynamo/router/bucket_table.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dynamo {

/// Who says that a lower tier holds a block; it is there as long as one does.
enum class tier_owner : std::uint8_t { worker = 1, cache_owner = 2 };

/// What one rank holds in one tier below the device. Any block may have any
/// parent, here or not, and goes only by its own name.
class tier_blocks {
 public:
  struct block {
    std::uint64_t block_hash = 0;
    std::uint64_t tokens_hash = 0;
    std::optional<std::uint64_t> parent_hash;
  };

  /// Whether the tier changed: the block is new, or another place of a name
  /// that was there.
  bool store(const block& stored, tier_owner owner);

  /// False when the owner holds no block of that name.
  bool remove(std::uint64_t block_hash, tier_owner owner);

  /// Takes all blocks from an owner.
  void remove_all(tier_owner owner);

  bool contains(std::uint64_t block_hash) const {
    return find(block_hash) != no_index;
  }

  /// How many of these local hashes follow, one after the other, on the block
  /// `parent`. Moves `parent` to the last of them. Where several blocks have
  /// the same place the one with the lowest name goes on.
  std::size_t follow(std::optional<std::uint64_t>& parent,
                     std::span<const std::uint64_t> local) const;

  /// All blocks; a parent that is in this tier stands before its children,
  /// unless it descends from one of them.
  std::vector<block> dump() const;

  std::size_t size() const { return entries_.size(); }
  std::uint64_t heap_bytes() const;

 private:
  struct entry {
    std::uint64_t block_hash;
    std::uint64_t tokens_hash;
    std::uint64_t parent_hash;
    std::uint32_t next_named;
    std::uint32_t next_edge;
    bool has_parent;
    std::uint8_t owners;
  };

  struct by_name;
  struct by_edge;

  std::uint32_t find(std::uint64_t block_hash) const;
  std::uint32_t child(const std::optional<std::uint64_t>& parent,
                      std::uint64_t tokens_hash) const;
  void erase(std::uint32_t id);
  static block outside(const entry& inside);

  std::vector<entry> entries_;
  bucket_table names_;
  bucket_table edges_;
};

} // namespace dynamo
