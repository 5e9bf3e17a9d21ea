#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/router/bucket_table.hpp"
#include "dynamo/router/page_pool.hpp"
#include "dynamo/router/prefix_index.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace dynamo {

/// Totals since construction, (rank, block) pairs. What was recorded is there
/// still or ended in one of the four last ways.
struct prediction_counts {
  std::uint64_t recorded = 0;
  std::uint64_t refreshed = 0;
  std::uint64_t expired = 0;
  /// Had to make room for newer ones.
  std::uint64_t pruned = 0;
  /// Not taken by the index, for one of its limits.
  std::uint64_t refused = 0;
  /// Gone with their rank.
  std::uint64_t removed = 0;
};

/// What ranks probably hold, from where their requests were sent: nothing is
/// heard from them. One writer; `find_matches` from any thread.
///
/// A pair is forgotten `ttl` after its last use, rounded up to a grid of
/// 100 ms, and before that when there are more than tree_size_max of them: then
/// those go that were not used for longest, down to prune_target_ratio of it.
/// As ttl is the same for all, one list in the order of last use serves both.
///
/// Of pairs that were used at the same time the deepest goes first, and a block
/// is never used without those before it: what is left of a prompt always
/// begins at its first block and can be matched. (Dynamo 0.7 to 1.1 let the
/// lowest position go first, which kept blocks that no lookup could reach.)
///
/// A pair is known by its rank and its sequence hash, which stands for the
/// position, too, as it names all blocks before.
///
/// What the index takes away by itself, for its memory limit, stays counted
/// here until it would have gone anyway; recording it again brings it back.
class predictor {
 public:
  /// `ttl`: how long a block is believed in after its last use; with 0 or less
  /// nothing ever is. The index keeps the limits of `index`, but has room for
  /// tree_size_max pairs, and follows our rules, whatever `index` says.
  /// `seed`: as for make_prefix_index.
  predictor(const prediction_options& options, clock::duration ttl,
            const index_options& index, std::uint64_t seed = 0);

  /// A request was sent to a rank: it holds the prompt's blocks from now on.
  /// `local` and `sequence` are equally long.
  void record(const worker_rank& rank, std::span<const std::uint64_t> local,
              std::span<const std::uint64_t> sequence, clock::time_point now);

  /// Forgets what is too old; says how many pairs. Until then it is matched.
  std::size_t expire(clock::time_point now);

  std::vector<rank_overlap>
  find_matches(std::span<const std::uint64_t> local) const;

  /// Takes time for what the rank has, not for all.
  void remove_rank(const worker_rank& rank);

  /// (rank, block) pairs.
  std::uint64_t size() const { return pairs_.size(); }
  const prefix_index& index() const { return *index_; }
  const prediction_counts& counts() const { return counts_; }
  /// Memory in use, that of the index included.
  std::uint64_t heap_bytes() const;

 private:
  /// In steps of the grid, from `origin_` on.
  using tick = std::uint32_t;

  /// A (rank, block) pair, in the list of all by last use, in that of its rank
  /// in any order, and in the chain of its bucket.
  struct pair {
    std::uint64_t hash;
    tick expires;
    std::uint32_t rank;
    std::uint32_t older;
    std::uint32_t newer;
    std::uint32_t rank_before;
    std::uint32_t rank_after;
    std::uint32_t chain;

    std::uint32_t& page_next() { return chain; }
  };

  struct rank_entry {
    worker_rank rank;
    /// One of its pairs.
    std::uint32_t first = no_index;
  };

  struct links {
    page_pool<pair>* pairs;
    std::uint64_t seed;

    std::uint32_t& next(std::uint32_t id) const { return (*pairs)[id].chain; }
    std::uint64_t hash(std::uint32_t id) const;
  };

  links to_pairs() { return {&pairs_, seed_}; }
  tick expiry(clock::time_point now) const;
  std::size_t use_path(const worker_rank& rank,
                       std::span<const std::uint64_t> sequence);
  std::uint32_t number_of(const worker_rank& rank);
  void add(std::uint32_t rank, std::uint64_t hash);
  std::uint32_t find(std::uint32_t rank, std::uint64_t hash) const;
  void link_newest(std::uint32_t id);
  void unlink(std::uint32_t id);
  void drop(std::uint32_t id);
  void drop_from_index(std::uint32_t id);
  void flush_removed();
  void prune();
  void store(const worker_rank& rank, std::span<const std::uint64_t> local,
             std::span<const std::uint64_t> sequence, std::size_t first);
  apply_report store_from(const worker_rank& rank,
                          std::span<const std::uint64_t> local,
                          std::span<const std::uint64_t> sequence,
                          std::size_t first);
  void refuse(std::uint32_t rank, std::span<const std::uint64_t> sequence);

  prediction_options options_;
  clock::duration ttl_;
  std::uint64_t seed_;
  std::unique_ptr<prefix_index> index_;
  page_pool<pair> pairs_;
  bucket_table by_hash_;
  std::uint32_t oldest_ = no_index;
  std::uint32_t newest_ = no_index;
  /// Ranks that have pairs, and their numbers.
  std::map<worker_rank, std::uint32_t> numbers_;
  std::vector<rank_entry> ranks_;
  std::vector<std::uint32_t> free_numbers_;
  clock::time_point origin_{};
  /// When the path that is recorded expires; never goes back.
  tick expires_ = 0;
  /// What goes to the index, kept for its memory.
  kv_cache_event stored_{.event_id = 0, .data = kv_stored{}, .dp_rank = 0};
  kv_cache_event removed_{.event_id = 0, .data = kv_removed{}, .dp_rank = 0};
  /// Whose blocks stand in `removed_`.
  worker_rank removed_of_;
  prediction_counts counts_;
};

} // namespace dynamo
