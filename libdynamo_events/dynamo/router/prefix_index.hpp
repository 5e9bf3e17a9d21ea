#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/sequence.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

// Who holds which block. Step 7 of the receive path ends here. README.md lists
// the rules.

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
  /// Stored where another name stands.
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
  /// The memory in use, everything included.
  std::uint64_t bytes = 0;
  /// (rank, block) pairs that had to make room since construction.
  std::uint64_t evicted = 0;
};

/// Which blocks which ranks hold, and how much of a request that is.
///
/// Thread-safe for one writer and any number of readers: `find_matches` may be
/// called from every thread at any time, everything else only by the writer,
/// one call at a time. A lookup that runs beside a change sees each block
/// either as it was or as it is.
class prefix_index {
 public:
  virtual ~prefix_index() = default;

  /// Applies one event of one rank, whatever its id. `domain` says whose
  /// residency it speaks of: worker or cache_owner. Nothing is the worker's,
  /// but for a clear everybody's.
  virtual apply_report
  apply(const worker_rank& rank, const kv_cache_event& event, storage_tier tier,
        std::optional<residency_domain> domain = std::nullopt) = 0;

  /// The ranks that hold any of the request's leading blocks, in ascending
  /// order. Any thread.
  virtual std::vector<rank_overlap>
  find_matches(std::span<const std::uint64_t> local) const = 0;

  /// Forgets one rank; says how many blocks it had.
  virtual std::uint64_t remove_rank(const worker_rank& rank) = 0;

  /// Does work that was put off, up to `steps` small pieces of it,
  /// such as sweeping out what was cleared. False when nothing is left to do.
  virtual bool tidy(std::size_t steps) = 0;

  /// What a rank holds, tier by tier, parents first.
  virtual std::vector<held_block> dump(const worker_rank& rank) const = 0;

  virtual tier_counts blocks(const worker_rank& rank) const = 0;
  /// (rank, block) pairs of this rank that had to make room since it was new.
  virtual std::uint64_t evicted(const worker_rank& rank) const = 0;
  /// Ranks that have stored anything and were not forgotten.
  virtual std::vector<worker_rank> ranks() const = 0;
  virtual index_size size() const = 0;
};

/// The index that follows the rules that the options name: tree_index for
/// Dynamo's removal rule, flat_index for ours. `seed` should be a random number
/// that peers do not know, so that they cannot send hashes that collide.
std::unique_ptr<prefix_index> make_prefix_index(const index_options& options,
                                                std::uint64_t seed = 0);

} // namespace dynamo
