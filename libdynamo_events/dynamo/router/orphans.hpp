#pragma once

#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/sequence.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace dynamo {

/// Totals since construction; events.
struct orphan_counts {
  std::uint64_t held = 0;
  /// Their parent came.
  std::uint64_t adopted = 0;
  /// Lost to a limit.
  std::uint64_t dropped = 0;
};

/// Stored events whose parent is not known to their rank, kept until it comes.
class orphans {
 public:
  /// A limit costs a rank its oldest events first.
  orphans(std::size_t per_rank_max, std::size_t blocks_max);

  /// What has no parent or no block is not held. False when something was lost
  /// to a limit: this event, or older ones of the rank.
  bool hold(const worker_rank& rank, const kv_stored& event);

  /// Takes the rank's events below this block, in no order.
  std::vector<kv_stored> take(const worker_rank& rank,
                              std::uint64_t parent_hash);

  /// The engine lost a block. What was held behind it goes on waiting for it.
  /// False when it is not held here.
  bool remove(const worker_rank& rank, std::uint64_t block_hash);

  void clear(const worker_rank& rank);

  /// Events that are held of a rank, and of all.
  std::size_t size(const worker_rank& rank) const;
  std::size_t size() const { return events_; }
  orphan_counts counts() const { return counts_; }

 private:
  using event_list = std::list<kv_stored>;

  struct rank_orphans {
    /// Oldest first.
    event_list events;
    std::unordered_multimap<std::uint64_t, event_list::iterator> by_parent;
    std::unordered_map<std::uint64_t, event_list::iterator> by_block;
  };

  void insert(rank_orphans& of, kv_stored event);
  kv_stored extract(rank_orphans& of, event_list::iterator at);

  std::size_t per_rank_max_;
  std::size_t blocks_max_;
  std::map<worker_rank, rank_orphans> ranks_;
  std::size_t events_ = 0;
  std::size_t blocks_ = 0;
  orphan_counts counts_;
};

} // namespace dynamo
