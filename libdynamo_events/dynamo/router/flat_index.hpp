#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/router/device_blocks.hpp"
#include "dynamo/router/lower_tiers.hpp"
#include "dynamo/router/memory_count.hpp"
#include "dynamo/router/prefix_index.hpp"
#include "dynamo/router/rank_numbers.hpp"
#include "dynamo/router/reader_epochs.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace dynamo {

/// The index under our own rules; README.md lists them, and
/// doc/decisions/0014 says how it is built and what that gains.
///
/// Thread-safe for one writer and any number of readers. `find_matches` and
/// `match` take no lock and wait for nobody, nor does the writer wait for
/// them: memory that a reader may still see is given back later.
class flat_index final : public prefix_index {
 public:
  /// `seed` should be a random number that peers do not know, so that they
  /// cannot send hashes that collide.
  explicit flat_index(const index_options& options = {},
                      std::uint64_t seed = 0);

  apply_report
  apply(const worker_rank& rank, const kv_cache_event& event, storage_tier tier,
        std::optional<residency_domain> domain = std::nullopt) override;
  std::vector<rank_overlap>
  find_matches(std::span<const std::uint64_t> local) const override;
  /// The same in no order, in place of what was in `out`. Any thread.
  void match(std::span<const std::uint64_t> local,
             std::vector<rank_overlap>& out) const;
  std::uint64_t remove_rank(const worker_rank& rank) override;
  bool tidy(std::size_t steps) override;
  std::vector<held_block> dump(const worker_rank& rank) const override;
  tier_counts blocks(const worker_rank& rank) const override;
  std::uint64_t evicted(const worker_rank& rank) const override;
  std::vector<worker_rank> ranks() const override;
  /// Nodes that only cleared ranks held count until they are swept.
  index_size size() const override;

  /// Entries of all tables and aliases, for tests: 0 when nothing is held.
  std::size_t entries() const {
    return device_.entries() + device_.aliases() + lower_.size();
  }

 private:
  struct rank_entry {
    std::uint32_t number = no_index;
    tier_counts blocks{};
    /// In lower tiers, what cache owners stored since the last clear: 0 means
    /// that they hold nothing.
    std::uint64_t cache_owned = 0;
    std::uint64_t evicted = 0;
  };
  using entry_map =
      std::map<worker_rank, rank_entry, std::less<>,
               counted_allocator<std::pair<const worker_rank, rank_entry>>>;

  // -- Applying: flat_index.cpp
  apply_report store(const worker_rank& rank, const kv_stored& stored,
                     storage_tier tier, tier_owner owner);
  apply_report store_device(rank_entry& entry, const kv_stored& stored);
  lower_tiers::stored place(rank_entry& entry, lower_tiers::place where,
                            const tier_blocks::block& block, tier_owner owner);
  bool fit_pairs();
  apply_report store_lower(rank_entry& entry, const kv_stored& stored,
                           lower_tiers::place where, tier_owner owner);
  apply_report remove(const worker_rank& rank, const kv_removed& removed,
                      storage_tier tier, tier_owner owner);
  void remove_device(rank_entry& entry, const kv_removed& removed,
                     apply_report& report);
  apply_report clear(const worker_rank& rank,
                     std::optional<residency_domain> domain);
  std::uint64_t clear_all(rank_entry& entry);
  std::uint64_t clear_owner(rank_entry& entry, tier_owner owner);
  std::uint64_t clear_device(rank_entry& entry);
  rank_entry* entry_of(const worker_rank& rank);
  std::uint32_t new_number(const worker_rank& rank);
  void count(rank_entry& entry, std::size_t tier, std::int64_t change);
  std::uint64_t pairs() const;

  // -- Lookups: flat_index_match.cpp
  struct walk;
  void match_lower(std::span<const std::uint64_t> local, const walk& walked,
                   std::vector<rank_overlap>& out) const;
  void put_ranks(std::vector<rank_overlap>& rows) const;

  // -- Making room: flat_index_evict.cpp
  void prepare_room(std::size_t blocks, storage_tier tier);
  bool make_room();
  bool evict(std::size_t blocks);
  bool evict_device();
  bool evict_lower();
  void count_evicted(std::uint32_t number, std::size_t tier);
  bool sweep(std::size_t records);
  bool reclaim();
  std::size_t waiting() const;

  index_options options_;
  memory_count memory_;
  reader_epochs epochs_;
  retired_blocks retired_;
  rank_numbers numbers_;
  device_blocks device_;
  lower_tiers lower_;
  entry_map entries_;
  /// By number; nullptr where it is not live.
  std::vector<rank_entry*, counted_allocator<rank_entry*>> by_number_;
  /// Of living ranks.
  tier_counts blocks_{};
  std::uint64_t evicted_ = 0;
  /// Blocks in lower tiers, for lookups.
  std::atomic<std::uint64_t> lower_blocks_{0};

  // Where the sweep is: first all nodes, then all records of lower tiers.
  bool is_sweeping_ = false;
  bool sweeps_lower_ = false;
  std::uint32_t swept_ = 0;

  // Where the eviction is.
  std::uint32_t device_hand_ = 0;
  std::uint32_t lower_hand_ = 0;
  /// The node above the last that went, to go on with.
  std::uint32_t climb_ = no_index;
  std::uint64_t lower_turn_ = 0;
  /// The parent of what is being stored: not to be evicted.
  std::uint32_t kept_ = no_index;
};

} // namespace dynamo
