#pragma once

#include "dynamo/router/rank_numbers.hpp"
#include "dynamo/router/record_arena.hpp"
#include "dynamo/router/segment_table.hpp"
#include "dynamo/router/tier_blocks.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dynamo {

/// What ranks hold below the device, each in each tier by itself, under the
/// rules of tier_blocks: any block may have any parent, here or not, and goes
/// only by its own name; it is there as long as one of its owners says so.
///
/// Thread-safe: `follow` and `prefetch_follow` for any reader inside a
/// `reader_epochs::reading`; everything else for one writer.
class lower_tiers {
 public:
  /// One tier of one rank. Tiers count from 0, host_pinned.
  struct place {
    std::uint32_t rank = 0;
    std::uint32_t tier = 0;
  };

  enum class stored {
    added,
    /// Of a block that was there: it has one owner more, or another parent or
    /// other tokens.
    changed,
    present,
    no_memory,
  };

  enum class removed { gone, still_owned, unknown };

  lower_tiers(retired_blocks& retired, rank_numbers& numbers,
              std::uint64_t seed);

  stored store(place where, const tier_blocks::block& block, tier_owner owner);
  removed remove(place where, std::uint64_t name, tier_owner owner);
  /// Takes all blocks of a rank, in all tiers, from an owner: looks at every
  /// record there is. Says how many blocks went, by tier.
  std::array<std::uint64_t, rank_numbers::lower_count>
  remove_all(std::uint32_t rank, tier_owner owner);

  /// Begins to fetch what `follow` reads first.
  void prefetch_follow(place where, std::optional<std::uint64_t> parent,
                       std::uint64_t local) const;
  /// How many of these local hashes follow, one after the other, on the block
  /// `parent`. Moves `parent` to the last of them. Where several blocks have
  /// the same place the one with the lowest name goes on. What is matched is
  /// used, for the eviction.
  std::size_t follow(place where, std::optional<std::uint64_t>& parent,
                     std::span<const std::uint64_t> local) const;

  /// What one rank holds in one tier; parents first, see tier_blocks::dump.
  std::vector<tier_blocks::block> dump(place where) const;

  /// Blocks of living ranks, and those of retired ones that are not swept.
  std::size_t size() const { return records_.size(); }
  std::size_t waiting() const { return records_.waiting(); }
  std::size_t free() const { return records_.free(); }
  void end_epoch() { records_.end_epoch(); }

  /// The first number from `id` on that may be a block, or no_index.
  std::uint32_t next(std::uint32_t id) const { return records_.next_taken(id); }
  /// Drops the block if its rank is retired.
  void sweep(std::uint32_t id);
  /// One turn of the eviction: drops the block if it does not survive that, and
  /// says where it was.
  std::optional<place> evict(std::uint32_t id);

 private:
  struct record {
    std::uint64_t name;
    std::uint64_t tokens;
    std::uint64_t parent;
    /// Rank in bits 0 to 14; see lower_tiers.cpp for the others.
    std::atomic<std::uint32_t> state;
    std::atomic<std::uint32_t> link;
  };

  struct by_name {
    const lower_tiers& all;

    std::uint64_t hash(std::uint32_t id) const;
    void prefetch(std::uint32_t id) const {
      __builtin_prefetch(&all.records_[id]);
    }
  };

  struct by_edge {
    const lower_tiers& all;

    std::uint64_t hash(std::uint32_t id) const;
    void prefetch(std::uint32_t id) const {
      __builtin_prefetch(&all.records_[id]);
    }
  };

  std::uint64_t name_hash(place where, std::uint64_t name) const;
  std::uint64_t edge_hash(place where, std::optional<std::uint64_t> parent,
                          std::uint64_t tokens) const;
  std::uint32_t find(place where, std::uint64_t name) const;
  std::uint32_t child(place where, std::optional<std::uint64_t> parent,
                      std::uint64_t tokens) const;
  bool add(place where, const tier_blocks::block& block, std::uint32_t owners);
  void drop(std::uint32_t id);
  bool is_in_use(std::uint32_t id) const;
  void count(place where, std::uint32_t change);

  static place place_of(const record& one);
  static std::optional<std::uint64_t> parent_of(const record& one);

  rank_numbers& numbers_;
  record_arena<record> records_;
  std::uint64_t seed_;
  segment_table<by_name> names_;
  segment_table<by_edge> edges_;
};

} // namespace dynamo
