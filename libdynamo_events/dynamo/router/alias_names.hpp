#pragma once

#include "dynamo/router/rank_numbers.hpp"
#include "dynamo/router/record_arena.hpp"
#include "dynamo/router/segment_table.hpp"

#include <atomic>
#include <cstdint>

namespace dynamo {

/// The names of blocks that are not the block's own: what a rank calls a block
/// that others, or no one else, call so. Ranks are numbers and blocks node
/// numbers here. Empty as long as all engines name blocks alike.
///
/// Thread-safe: `of` for any reader inside a `reader_epochs::reading`;
/// everything else for one writer.
class alias_names {
 public:
  struct alias {
    bool is_there = false;
    /// The rank holds the block under no name at all.
    bool is_nameless = false;
    std::uint64_t name = 0;
  };

  alias_names(retired_blocks& retired, rank_numbers& numbers,
              std::uint64_t seed);

  /// Whether the rank has a name of its own for any block.
  bool has_any(std::uint32_t rank) const {
    return size() > 0 &&
           numbers_[rank].aliases.load(std::memory_order_relaxed) > 0;
  }
  /// The block that the rank calls so, or no_index.
  std::uint32_t find(std::uint32_t rank, std::uint64_t name) const;
  /// What the rank calls the block.
  alias of(std::uint32_t rank, std::uint32_t node) const;

  /// Gives a name, or takes the name away from the rank's block, in place of
  /// what was before. False when there is no memory.
  bool put(std::uint32_t rank, std::uint32_t node, std::uint64_t name);
  bool put_nameless(std::uint32_t rank, std::uint32_t node);
  /// The block's own name counts again, if it did not.
  void erase(std::uint32_t rank, std::uint32_t node) {
    if (has_any(rank))
      erase_one(rank, node);
  }

  std::size_t size() const { return size_.load(std::memory_order_relaxed); }
  std::size_t waiting() const { return records_.waiting(); }
  void end_epoch() { records_.end_epoch(); }

 private:
  struct record {
    std::uint64_t name;
    std::uint32_t node;
    std::uint16_t rank;
    bool is_nameless;
    std::atomic<std::uint32_t> link;
  };

  struct by_name {
    const record_arena<record>& records;
    std::uint64_t seed;

    std::uint64_t hash_of(std::uint32_t rank, std::uint64_t name) const {
      return mix((name ^ seed) + rank * 0x9e3779b97f4a7c15U);
    }
    std::uint64_t hash(std::uint32_t id) const {
      return hash_of(records[id].rank, records[id].name);
    }
    void prefetch(std::uint32_t id) const { __builtin_prefetch(&records[id]); }
  };

  struct by_node {
    const record_arena<record>& records;
    std::uint64_t seed;

    std::uint64_t hash_of(std::uint32_t rank, std::uint32_t node) const {
      return mix(seed + (std::uint64_t{rank} << 32 | node));
    }
    std::uint64_t hash(std::uint32_t id) const {
      return hash_of(records[id].rank, records[id].node);
    }
    void prefetch(std::uint32_t id) const { __builtin_prefetch(&records[id]); }
  };

  std::uint32_t record_of(std::uint32_t rank, std::uint32_t node) const;
  void erase_one(std::uint32_t rank, std::uint32_t node);
  bool put(const record& made);
  void drop(std::uint32_t id);
  void count(std::uint32_t rank, std::uint32_t change);

  rank_numbers& numbers_;
  record_arena<record> records_;
  std::atomic<std::size_t> size_{0};
  by_name name_keys_;
  by_node node_keys_;
  segment_table<by_name> names_;
  segment_table<by_node> nodes_;
};

} // namespace dynamo
