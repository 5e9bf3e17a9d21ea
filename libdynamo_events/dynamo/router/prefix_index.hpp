#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/router/prefix_tree.hpp"
#include "dynamo/router/tier_blocks.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

// Who holds which block. Step 7 of the receive path ends here. The rules are
// those of Dynamo's RadixTree and lower-tier indexes; README.md lists them.

namespace dynamo {

/// What became of one event.
enum class apply_outcome {
  /// The index changed as the event says.
  applied,
  /// Everything in it was so already.
  duplicate,
  /// Stored below a block that the rank does not hold: nothing was applied.
  parent_unknown,
  /// Some removed blocks were not there; the others are gone.
  block_unknown,
  /// A block is its own ancestor (nothing was applied), or has the name of
  /// another one of the rank (it and those after it were not applied).
  invalid,
  /// A limit is reached: some blocks were not applied.
  full,
};

/// The outcome with its numbers of blocks.
struct apply_report {
  apply_outcome outcome = apply_outcome::applied;
  std::uint64_t stored = 0;
  /// With all that went along, of other ranks too.
  std::uint64_t removed = 0;
  std::uint64_t duplicates = 0;
  /// Stored where another name stands; only a clear or the end of the rank
  /// removes them again.
  std::uint64_t conflicts = 0;
  /// Removed, but not there.
  std::uint64_t unknown = 0;
};

/// How many leading blocks of a request a rank holds: on the device, from
/// there on in host memory, from there on on disk or outside. Each number
/// includes the one before.
struct rank_overlap {
  worker_rank rank;
  std::uint32_t device = 0;
  std::uint32_t host = 0;
  std::uint32_t disk = 0;

  bool operator==(const rank_overlap&) const = default;
};

/// One block of one rank in one tier.
struct held_block {
  std::uint64_t block_hash = 0;
  std::uint64_t tokens_hash = 0;
  std::optional<std::uint64_t> parent_hash;
  storage_tier tier = storage_tier::device;

  bool operator==(const held_block&) const = default;
};

/// Blocks by tier, indexed by storage_tier.
using tier_counts = std::array<std::uint64_t, storage_tier_count>;

struct index_size {
  std::size_t ranks = 0;
  /// Distinct blocks on devices.
  std::uint64_t device_nodes = 0;
  /// (rank, block) pairs.
  tier_counts blocks{};
  /// An estimate of the memory in use.
  std::uint64_t bytes = 0;
};

class prefix_index {
 public:
  explicit prefix_index(index_limits limits = {});

  /// Applies one event of one rank, whatever its id. `domain` says whose
  /// residency it speaks of: worker or cache_owner. Nothing is the worker's,
  /// but for a clear everybody's.
  apply_report apply(const worker_rank& rank, const kv_cache_event& event,
                     storage_tier tier,
                     std::optional<residency_domain> domain = std::nullopt);

  /// The ranks that hold any of the request's leading blocks, in ascending
  /// order.
  std::vector<rank_overlap>
  find_matches(std::span<const std::uint64_t> local) const;

  /// Forgets one rank; says how many blocks it had.
  std::uint64_t remove_rank(const worker_rank& rank);
  /// Forgets all ranks of a worker.
  std::uint64_t remove_worker(std::uint64_t worker_id);
  void clear();

  /// What a rank holds, tier by tier, parents first.
  std::vector<held_block> dump(const worker_rank& rank) const;

  tier_counts blocks(const worker_rank& rank) const;
  /// Ranks that have stored anything and were not forgotten.
  std::vector<worker_rank> ranks() const;
  index_size size() const;

 private:
  /// host_pinned, disk, external.
  static constexpr std::size_t lower_count = storage_tier_count - 1;

  struct rank_entry {
    std::uint32_t number = 0;
    std::array<tier_blocks, lower_count> lower;
  };
  using entry_map = std::map<worker_rank, rank_entry>;

  apply_report store(const worker_rank& rank, const kv_stored& stored,
                     storage_tier tier, tier_owner owner);
  apply_report store_device(std::uint32_t number, const kv_stored& stored);
  apply_report store_lower(tier_blocks& tier, const kv_stored& stored,
                           tier_owner owner);
  apply_report remove(const worker_rank& rank, const kv_removed& removed,
                      storage_tier tier, tier_owner owner);
  apply_report remove_device(std::uint32_t number, const kv_removed& removed);
  apply_report remove_lower(tier_blocks& tier, const kv_removed& removed,
                            tier_owner owner);
  apply_report clear_rank(const worker_rank& rank,
                          std::optional<residency_domain> domain);
  void clear_lower(rank_entry& entry, tier_owner owner);
  rank_entry* entry_of(const worker_rank& rank);
  entry_map::iterator forget(entry_map::iterator at);
  void fill_lower(rank_overlap& found, const rank_entry& entry,
                  std::span<const std::uint64_t> local,
                  std::span<const std::uint64_t> names) const;
  std::uint64_t blocks() const { return tree_.pairs() + lower_blocks_; }

  index_limits limits_;
  prefix_tree tree_;
  entry_map entries_;
  /// Ranks by number; nothing where a number is free.
  std::vector<std::optional<worker_rank>> numbers_;
  std::vector<std::uint32_t> free_numbers_;
  std::uint64_t lower_blocks_ = 0;
};

} // namespace dynamo
