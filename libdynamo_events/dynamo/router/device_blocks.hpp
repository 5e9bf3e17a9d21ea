#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/router/alias_names.hpp"
#include "dynamo/router/path_hash.hpp"
#include "dynamo/router/rank_numbers.hpp"
#include "dynamo/router/rank_word.hpp"
#include "dynamo/router/record_arena.hpp"
#include "dynamo/router/segment_table.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dynamo {

/// One distinct block on devices. A reader that can see it sees its path as
/// long as it looks.
struct block_node {
  std::uint64_t path;
  /// The block's own name; only ranks without an alias for it call it so.
  std::atomic<std::uint64_t> name;
  /// Who holds it, see rank_word.hpp; retired ranks may still stand there.
  std::atomic<std::uint64_t> ranks;
  /// The node above, and the turns of the eviction that the node survives.
  std::atomic<std::uint32_t> above;
  /// The only child, or how many there are, or none.
  std::atomic<std::uint32_t> link;

  /// A lookup ended here lately: two more turns.
  static constexpr std::uint32_t used = 1U << 31;
  /// It is new, or was used before its last turn: one more.
  static constexpr std::uint32_t fresh = 1U << 30;
  /// The table of names has it, so it is the block of its name.
  static constexpr std::uint32_t listed = 1U << 29;
  static constexpr std::uint32_t several = 1U << 31;
  /// The node above one that is out of the tree.
  static constexpr std::uint32_t nowhere = listed - 1;

  std::uint32_t parent() const {
    return above.load(std::memory_order_acquire) & nowhere;
  }
  std::uint32_t child() const { return link.load(std::memory_order_acquire); }
  static bool are_several(std::uint32_t link) {
    return link != no_index && (link & several) != 0;
  }
  bool is_listed() const {
    return (above.load(std::memory_order_relaxed) & listed) != 0;
  }
  bool is_named(std::uint64_t by) const {
    return name.load(std::memory_order_relaxed) == by;
  }
};

static_assert(sizeof(block_node) == 32);

/// The device tier of flat_index: one node for each distinct path of local
/// hashes, with the ranks that hold it, under a table by path and one by name.
///
/// A rank finds a block under the node's own name, which only one node has in
/// the table, or under an alias. A node without holders stays while it has
/// children: its ranks lost it, but hold what lies below.
///
/// Thread-safe: what is marked "any thread" for any reader inside a
/// `reader_epochs::reading`; everything else for one writer.
class device_blocks {
 public:
  /// The place below which blocks without parent go.
  static constexpr std::uint32_t root = block_node::nowhere - 1;

  enum class placement {
    added,
    /// The rank held it already.
    present,
    /// Another name stands there.
    conflict,
    /// The rank holds another block of that name.
    misplaced,
    no_memory,
  };
  static constexpr std::size_t placements = 5;

  /// What became of blocks in a row.
  struct chain {
    /// How many were stored, and the last of these, or what they hang below.
    std::size_t done = 0;
    std::uint32_t last = no_index;
    /// Why the next one was not: misplaced, no_memory; else `added`.
    placement stopped = placement::added;
    std::uint64_t added = 0;
    std::uint64_t present = 0;
    std::uint64_t conflicts = 0;
    /// (rank, block) pairs that there are more.
    std::int64_t pairs = 0;
  };

  device_blocks(retired_blocks& retired, rank_numbers& numbers,
                conflict_policy conflicts, std::uint64_t seed);
  ~device_blocks();
  device_blocks(const device_blocks&) = delete;
  device_blocks& operator=(const device_blocks&) = delete;

  // -- Any thread
  const block_node& operator[](std::uint32_t id) const { return nodes_[id]; }
  const path_hash& hash() const { return hash_; }
  /// The child of that path, or no_index.
  std::uint32_t child(std::uint32_t parent, std::uint64_t path) const;
  /// The local hash of a block.
  std::uint64_t local_of(std::uint32_t id) const {
    return hash_.local_of(path_of(nodes_[id].parent()), nodes_[id].path);
  }

  /// What is known of a block on the way down before its turn. Path hashes need
  /// no memory, so the table is asked for many blocks at once, and then for
  /// their nodes: about when a block's turn comes all of it has been fetched.
  struct step {
    std::uint64_t path;
    table_view by_path;
    /// The node that probably has the path, or no_index when none has.
    std::uint32_t guess;
  };
  static constexpr std::size_t batch = 32;
  using steps = std::array<step, batch>;
  /// For up to `batch` blocks that follow on `path`, which is left at the last.
  void prepare(std::uint64_t& path, std::span<const std::uint64_t> local,
               steps& to) const;
  /// The same as `child`.
  std::uint32_t child(std::uint32_t parent, const step& at) const {
    if (at.guess != no_index && is_child(at.guess, parent, at.path))
      return at.guess;
    return child(parent, at.path);
  }

  /// What the rank calls a block that it holds.
  std::uint64_t name_of(std::uint32_t rank, std::uint32_t id) const;
  /// Keeps the block from eviction for a while.
  void use(std::uint32_t id) const;

  // -- The writer
  /// The block that the rank holds under this name, or no_index.
  std::uint32_t find(std::uint32_t rank, std::uint64_t name) const;

  /// Puts blocks below `parent`, which the rank holds or which is the root,
  /// each below the one before, until one cannot be stored.
  chain store(std::uint32_t rank, std::uint32_t parent,
              std::span<const kv_block> blocks);
  /// Takes the blocks of these names from the rank; says how many it held.
  std::uint64_t remove(std::uint32_t rank,
                       std::span<const std::uint64_t> names);
  /// Takes a block that the rank holds from it.
  void remove(std::uint32_t rank, std::uint32_t id);

  // -- Eviction and sweeping: device_blocks_evict.cpp
  /// The first number from `id` on that may be a node, or no_index.
  std::uint32_t next(std::uint32_t id) const { return nodes_.next_taken(id); }
  bool is_in_tree(std::uint32_t id) const {
    return nodes_[id].parent() != block_node::nowhere;
  }
  bool is_leaf(std::uint32_t id) const {
    return nodes_[id].child() == no_index;
  }
  /// One turn of the eviction: whether the node survives it.
  bool survives(std::uint32_t id);
  /// Takes a leaf from all that hold it; what nobody holds above it goes too.
  /// Returns the next node above that stays.
  std::uint32_t drop_leaf(std::uint32_t id);
  /// Takes retired ranks out of a node.
  void sweep(std::uint32_t id);

  /// What the rank holds, in no order. Looks at every node.
  std::vector<std::uint32_t> all_of(std::uint32_t rank) const;

  std::size_t size() const { return nodes_.size(); }
  std::size_t free() const { return nodes_.free(); }
  std::size_t waiting() const { return nodes_.waiting() + aliases_.waiting(); }
  std::size_t aliases() const { return aliases_.size(); }
  /// Entries of all tables.
  std::size_t entries() const { return paths_.size() + names_.size(); }
  void end_epoch();

 private:
  struct by_path {
    const record_arena<block_node>& nodes;

    std::uint64_t hash(std::uint32_t id) const {
      return path_hash::spread(nodes[id].path);
    }
    void prefetch(std::uint32_t id) const { __builtin_prefetch(&nodes[id]); }
  };

  struct by_name {
    const record_arena<block_node>& nodes;
    std::uint64_t seed;

    std::uint64_t hash_of(std::uint64_t name) const { return mix(name ^ seed); }
    std::uint64_t hash(std::uint32_t id) const {
      return hash_of(nodes[id].name.load(std::memory_order_relaxed));
    }
    void prefetch(std::uint32_t id) const { __builtin_prefetch(&nodes[id]); }
  };

  using path_spot = segment_table<by_path>::spot;
  using name_spot = segment_table<by_name>::spot;

  // The same as `step`, for the writer. Spots are good as long as `layout()`.
  struct arrival {
    std::uint64_t path;
    path_spot by_path;
    name_spot by_name;
    /// The node that probably has the path, or no_index when none has.
    std::uint32_t guess;
  };
  struct departure {
    name_spot by_name;
    /// The node that probably has the name, and where it stands if there is
    /// one.
    std::uint32_t guess;
    path_spot by_path;
  };
  using arrivals = std::array<arrival, batch>;
  using departures = std::array<departure, batch>;

  /// Changes when a table's spots are not good any more.
  std::uint64_t layout() const { return paths_.version() + names_.version(); }

  struct placed {
    placement what = placement::added;
    /// The block, for its children; no_index when it was not stored.
    std::uint32_t block = no_index;
    /// Whether there is a (rank, block) pair more.
    bool is_new = false;
  };

  std::uint64_t path_of(std::uint32_t id) const {
    return id == root ? hash_.start() : nodes_[id].path;
  }
  bool is_child(std::uint32_t id, std::uint32_t parent,
                std::uint64_t path) const {
    return nodes_[id].path == path && nodes_[id].parent() == parent;
  }
  /// What a node says of its children; anything may stand below the root.
  std::uint32_t link_of(std::uint32_t parent) const {
    return parent == root ? block_node::several : nodes_[parent].child();
  }
  std::uint32_t child(std::uint32_t parent, const arrival& at) const;
  name_spot spot_of(std::uint64_t name) const {
    return names_.spot_of(name_keys_.hash_of(name));
  }
  std::uint32_t listed_as(std::uint64_t name, const name_spot& at) const {
    return names_.find(
        at, [&](std::uint32_t id) { return nodes_[id].is_named(name); });
  }
  std::uint32_t listed_as(std::uint64_t name) const {
    return listed_as(name, spot_of(name));
  }
  std::uint32_t find(std::uint32_t rank, std::uint64_t name,
                     std::uint32_t listed) const {
    if (aliases_.size() > 0)
      return find_with_aliases(rank, name, listed);
    return listed != no_index && is_held(listed, rank) ? listed : no_index;
  }
  std::uint32_t find_with_aliases(std::uint32_t rank, std::uint64_t name,
                                  std::uint32_t listed) const;
  bool is_held(std::uint32_t id, std::uint32_t rank) const {
    return rank_word::contains(nodes_[id].ranks.load(std::memory_order_relaxed),
                               rank);
  }
  void prepare(std::uint32_t parent, std::span<const kv_block> blocks,
               arrivals& to) const;
  void prepare(std::span<const std::uint64_t> names, departures& to) const;
  void renew(std::span<arrival> left) const;
  void renew(std::span<departure> left) const;
  placed store(std::uint32_t rank, std::uint32_t parent, const kv_block& block,
               const arrival& at);
  bool remove(std::uint32_t rank, std::uint64_t name, const departure& at);
  bool remove_slowly(std::uint32_t rank, std::uint64_t name,
                     const departure& at);
  placed create(std::uint32_t rank, std::uint32_t parent, std::uint64_t name,
                const arrival& at);
  placed hold(std::uint32_t rank, std::uint32_t id, std::uint64_t name);
  placed hold_again(std::uint32_t rank, std::uint32_t id, std::uint64_t name);
  void relist(std::uint32_t id, std::uint64_t name);
  void add_child(std::uint32_t parent, std::uint32_t id);
  void drop_child(std::uint32_t parent);
  void take_out_retired(std::uint32_t id);
  bool is_needless(std::uint32_t id) const;
  std::uint32_t prune(std::uint32_t id);
  void unlink(std::uint32_t id, const path_spot& by_path,
              const name_spot& by_name);

  rank_numbers& numbers_;
  conflict_policy conflicts_;
  path_hash hash_;
  rank_words words_;
  record_arena<block_node> nodes_;
  by_path path_keys_;
  by_name name_keys_;
  segment_table<by_path> paths_;
  segment_table<by_name> names_;
  alias_names aliases_;
  /// Ranks that a sweep found retired; kept for its memory.
  std::vector<std::uint32_t, counted_allocator<std::uint32_t>> found_;
};

} // namespace dynamo
