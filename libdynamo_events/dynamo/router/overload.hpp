#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/events/load.hpp"
#include "dynamo/events/sequence.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace dynamo {

/// What a worker's rank can do at most, as far as it says.
struct rank_capacity {
  std::optional<std::uint64_t> kv_total_blocks;
  std::optional<std::uint64_t> max_num_batched_tokens;
};

/// Used where a worker does not say max_num_batched_tokens; Dynamo's figure.
inline constexpr std::uint64_t batched_tokens_unknown = 10'000'000;

/// Merges what is reported about ranks, and says which workers get no more
/// requests. The rules are those of Dynamo's KvWorkerMonitor; what is equal to
/// a threshold is not over it.
///
/// The decode rule latches: one of used and active blocks over the threshold
/// sets it, and a low report of the other one does not clear it. As the last
/// report of each field is kept, that is the same as either being over now. A
/// field that nobody ever reported is not over: most ranks are reported by
/// workers that only know used blocks, and would never come back otherwise.
///
/// Remembers known ranks alone; whoever adds them also removes them.
class overload_watch {
 public:
  explicit overload_watch(const overload_options& options);

  /// The rank is known from now on, or its capacity changed.
  void add_rank(const worker_rank& rank, const rank_capacity& capacity);
  /// Its reports go along.
  void remove_rank(const worker_rank& rank);

  /// Takes over the fields that are there: nothing is no news. False when the
  /// rank is not known.
  bool merge(const active_load& load);

  /// What this router itself booked on a rank, now. It is measured beside the
  /// reports and replaces none. Nothing happens when the rank is not known.
  void note_booked(const active_load& load);

  /// What was reported, merged; nothing when there was no report.
  std::optional<active_load> reported(const worker_rank& rank) const;

  /// False: nobody is ever overloaded.
  bool has_limits() const {
    return options_.decode_blocks_fraction > 0 || options_.prefill_tokens > 0 ||
           options_.prefill_tokens_fraction > 0;
  }
  /// Whether a rank is over any threshold: prefill tokens over the absolute
  /// one or the fraction of max_num_batched_tokens, or decode blocks over the
  /// fraction of kv_total_blocks, which must be known for that. False for an
  /// unknown rank.
  bool is_overloaded(const worker_rank& rank) const;
  /// Whether all known ranks of a worker are; false when it has none.
  bool is_overloaded(std::uint64_t worker_id) const;

  /// Empty for an unknown rank.
  rank_capacity capacity(const worker_rank& rank) const;

  /// Known ranks.
  std::size_t size() const { return ranks_.size(); }

 private:
  struct rank_entry {
    rank_capacity capacity;
    std::optional<active_load> reported;
    std::optional<active_load> booked;
  };

  bool is_over(const rank_entry& entry) const;
  bool prefill_is_over(const active_load& load,
                       const rank_capacity& capacity) const;
  bool decode_is_over(const active_load& load,
                      const rank_capacity& capacity) const;

  overload_options options_;
  std::map<worker_rank, rank_entry> ranks_;
};

} // namespace dynamo
