#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/router/prefix_index.hpp"
#include "dynamo/router/prefix_tree.hpp"
#include "dynamo/router/tier_blocks.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace dynamo {

/// The index under the rules of Dynamo 1.6.1, those of its RadixTree and
/// lower-tier indexes; README.md lists them. The answers are Dynamo's, so a
/// store beyond a limit is refused (`full`) and nothing is ever evicted;
/// `bytes_max` is looked at before each block, so it may be passed by the
/// growth of one container.
///
/// Thread-safe: every call takes one lock, lookups included.
class tree_index final : public prefix_index {
 public:
  explicit tree_index(index_options options = {});

  apply_report
  apply(const worker_rank& rank, const kv_cache_event& event, storage_tier tier,
        std::optional<residency_domain> domain = std::nullopt) override;
  std::vector<rank_overlap>
  find_matches(std::span<const std::uint64_t> local) const override;
  std::uint64_t remove_rank(const worker_rank& rank) override;
  /// Nothing is ever put off.
  bool tidy(std::size_t /*steps*/) override { return false; }
  std::vector<held_block> dump(const worker_rank& rank) const override;
  tier_counts blocks(const worker_rank& rank) const override;
  std::uint64_t evicted(const worker_rank& /*rank*/) const override {
    return 0;
  }
  std::vector<worker_rank> ranks() const override;
  index_size size() const override;

 private:
  /// host_pinned, disk, external.
  static constexpr std::size_t lower_count = storage_tier_count - 1;

  struct rank_entry {
    std::uint32_t number = 0;
    std::array<tier_blocks, lower_count> lower;
  };
  using entry_map = std::map<worker_rank, rank_entry>;

  apply_report store(const worker_rank& rank, const kv_stored& stored,
                     storage_tier tier, tier_owner owner)
      DYNAMO_REQUIRES(mutex_);
  apply_report store_device(std::uint32_t number, const kv_stored& stored)
      DYNAMO_REQUIRES(mutex_);
  apply_report store_lower(tier_blocks& tier, const kv_stored& stored,
                           tier_owner owner) DYNAMO_REQUIRES(mutex_);
  apply_report remove(const worker_rank& rank, const kv_removed& removed,
                      storage_tier tier, tier_owner owner)
      DYNAMO_REQUIRES(mutex_);
  apply_report remove_device(std::uint32_t number, const kv_removed& removed)
      DYNAMO_REQUIRES(mutex_);
  apply_report remove_lower(tier_blocks& tier, const kv_removed& removed,
                            tier_owner owner) DYNAMO_REQUIRES(mutex_);
  apply_report clear_rank(const worker_rank& rank,
                          std::optional<residency_domain> domain)
      DYNAMO_REQUIRES(mutex_);
  void clear_lower(rank_entry& entry, tier_owner owner) DYNAMO_REQUIRES(mutex_);
  rank_entry* entry_of(const worker_rank& rank) DYNAMO_REQUIRES(mutex_);
  void fill_lower(rank_overlap& found, const rank_entry& entry,
                  std::span<const std::uint64_t> local,
                  std::span<const std::uint64_t> names) const;
  bool is_full() const DYNAMO_REQUIRES(mutex_);
  std::uint64_t bytes() const DYNAMO_REQUIRES(mutex_);
  std::uint64_t pairs() const DYNAMO_REQUIRES(mutex_) {
    return tree_.pairs() + lower_blocks_;
  }

  const index_options options_;
  mutable mutex mutex_;
  prefix_tree tree_ DYNAMO_GUARDED_BY(mutex_);
  entry_map entries_ DYNAMO_GUARDED_BY(mutex_);
  /// Ranks by number; nothing where a number is free.
  std::vector<std::optional<worker_rank>> numbers_ DYNAMO_GUARDED_BY(mutex_);
  std::vector<std::uint32_t> free_numbers_ DYNAMO_GUARDED_BY(mutex_);
  std::uint64_t lower_blocks_ DYNAMO_GUARDED_BY(mutex_) = 0;
  std::uint64_t lower_bytes_ DYNAMO_GUARDED_BY(mutex_) = 0;
};

} // namespace dynamo
