#pragma once

#include "dynamo/events/kv_cache.hpp"
#include "dynamo/router/bucket_table.hpp"
#include "dynamo/router/page_pool.hpp"
#include "dynamo/router/rank_set.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

// The device tier of prefix_index: one tree of blocks for all ranks, which are
// small numbers here.
//
// Blocks form runs, as in Dynamo's compressed tree: a block continues its
// parent's run when the parent had no child before, and starts one otherwise;
// a run that branches ends there. A rank holds the first blocks of a run, up to
// any. What it holds below the end of a run stays when it loses that end (an
// island), for as long as another rank holds the whole run.

namespace dynamo {

/// What became of one block that was stored.
enum class placement {
  added,
  /// The rank held it already.
  present,
  /// Another name stands there: the rank holds the block, but nameless.
  conflict,
  /// The rank holds another block of that name.
  misplaced,
};

class prefix_tree {
 public:
  prefix_tree();

  /// The place below which blocks without parent go.
  static constexpr std::uint32_t root = 0;

  /// The block that the rank holds under this name, or no_index.
  std::uint32_t find(std::uint32_t rank, std::uint64_t block_hash) const;

  /// Comes before blocks are stored below `parent`: ends its run there, unless
  /// they only go along it or make its end longer.
  void branch(std::uint32_t parent, std::span<const kv_block> blocks);

  struct placed {
    placement what = placement::added;
    /// The block, for its children; no_index when misplaced.
    std::uint32_t block = no_index;
  };

  /// Puts a block below `parent`, which the rank holds or which is the root.
  placed store(std::uint32_t rank, std::uint32_t parent,
               std::uint64_t block_hash, std::uint64_t tokens_hash);

  /// Takes a block and the rest of its run from the rank, and says under which
  /// names. When nobody holds the run's end any more, all below it goes too,
  /// whoever holds it.
  std::vector<std::uint64_t> remove(std::uint32_t rank, std::uint32_t block);

  /// Takes everything from the rank.
  void remove_all(std::uint32_t rank);

  struct matched {
    /// Names along the longest match.
    std::vector<std::uint64_t> names;
    /// Rank and depth, at least 1, in no order.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> depths;
  };

  /// How many of these local hashes each rank holds without a hole.
  matched match(std::span<const std::uint64_t> local) const;

  struct held_node {
    std::uint64_t block_hash = 0;
    std::uint64_t tokens_hash = 0;
    std::optional<std::uint64_t> parent_hash;
  };

  /// What the rank holds; a parent that it holds comes first. Nameless blocks
  /// stand under the name that is there.
  std::vector<held_node> dump(std::uint32_t rank) const;

  /// Blocks that the rank holds.
  std::uint64_t held(std::uint32_t rank) const {
    return rank < held_.size() ? held_[rank] : 0;
  }
  /// (rank, block) pairs.
  std::uint64_t pairs() const { return pairs_; }
  /// Distinct blocks.
  std::size_t size() const { return nodes_.size() - 1; }
  /// Memory in use, within a few per cent.
  std::uint64_t heap_bytes() const;

 private:
  struct node {
    std::uint64_t block_hash;
    std::uint64_t tokens_hash;
    std::uint32_t parent;
    std::uint32_t first_child;
    std::uint32_t next_sibling;
    std::uint32_t previous_sibling;
    std::uint32_t next_named;
    std::uint32_t next_edge;
    rank_set ranks;
    bool starts_run;
    /// Whether new children start runs.
    bool ends_run;

    std::uint32_t& page_next() { return parent; }
  };

  /// Chains of blocks by name, and by (parent, local hash).
  struct by_name;
  struct by_edge;

  std::uint32_t child(std::uint32_t parent, std::uint64_t tokens_hash) const;
  std::uint32_t next_in_run(std::uint32_t block) const;
  void end_run(std::uint32_t block);
  std::uint32_t add_child(std::uint32_t parent, std::uint64_t block_hash,
                          std::uint64_t tokens_hash);
  bool hold(std::uint32_t rank, std::uint32_t block);
  void let_go(std::uint32_t rank, std::uint32_t block);
  void drop_run_end(std::uint32_t block);
  void drop_node(std::uint32_t block);
  std::vector<std::uint32_t> all_of(std::uint32_t rank) const;
  std::uint32_t depth_of(std::uint32_t block) const;
  bool is_nameless(std::uint32_t rank, std::uint32_t block) const;

  page_pool<node> nodes_;
  bucket_table names_;
  bucket_table edges_;
  /// (rank, block): the rank holds the block under no name of its own.
  std::set<std::pair<std::uint32_t, std::uint32_t>> nameless_;
  /// (rank, block): the rank holds the block, but not its parent.
  std::set<std::pair<std::uint32_t, std::uint32_t>> islands_;
  /// By rank.
  std::vector<std::uint64_t> held_;
  std::uint64_t pairs_ = 0;
  /// Heap bytes of all rank sets.
  std::uint64_t rank_bytes_ = 0;
};

} // namespace dynamo
