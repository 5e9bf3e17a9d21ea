#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/events/sequence.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dynamo {

/// A request that was sent to a rank.
struct booking {
  std::string request_id;
  worker_rank rank;
  std::uint64_t prompt_tokens = 0;
  /// Of them, those that the rank need not compute.
  std::uint64_t cached_tokens = 0;
  std::optional<std::uint32_t> expected_output_tokens;
  /// All blocks of the prompt, from the first on.
  std::vector<std::uint64_t> sequence;
};

/// What the requests booked on one rank make it do.
struct rank_load {
  std::uint64_t active_requests = 0;
  /// Prompt tokens to compute, of requests whose prefill is not completed.
  std::uint64_t active_prefill_tokens = 0;
  /// Distinct prompt blocks in use.
  std::uint64_t active_decode_blocks = 0;
  /// Sum of what the requests expect to generate, as far as they say.
  std::uint64_t expected_output_tokens = 0;

  bool operator==(const rank_load&) const = default;
};

/// Totals since construction.
struct active_counts {
  std::uint64_t booked = 0;
  std::uint64_t freed = 0;
  /// Booked again under the same id before the first was freed.
  std::uint64_t replaced = 0;
  std::uint64_t expired = 0;
  /// Dropped for a limit.
  std::uint64_t evicted = 0;
  /// Gone with their rank.
  std::uint64_t removed = 0;
};

/// The requests in progress, by rank.
class active_sequences {
 public:
  explicit active_sequences(active_limits limits = {});

  /// Books a request. One that has the same id is freed first.
  void add(booking request, clock::time_point now);

  /// The first token is there. False: no such request; true also when repeated.
  bool mark_prefill_completed(std::string_view request_id);

  /// The request is over. False: no such request.
  bool free(std::string_view request_id);

  /// Drops requests that were added `ttl` ago or earlier; says how many.
  std::size_t expire(clock::time_point now, clock::duration ttl);

  void remove_rank(const worker_rank& rank);

  /// Nothing when no request is booked there.
  std::optional<rank_load> load(const worker_rank& rank) const;

  /// How many blocks of a prompt no request on the rank uses yet.
  std::uint64_t
  additional_blocks(const worker_rank& rank,
                    std::span<const std::uint64_t> sequence) const;

  std::size_t size() const { return by_id_.size(); }
  const active_counts& counts() const { return counts_; }

 private:
  struct entry {
    booking request;
    clock::time_point added;
    /// 0 once the prefill is completed.
    std::uint64_t prefill_tokens = 0;
  };
  /// In the order of adding.
  using entry_list = std::list<entry>;

  struct rank_state {
    rank_load load;
    /// How many requests use a block.
    std::unordered_map<std::uint64_t, std::uint32_t> uses;
  };

  void drop(entry_list::iterator at);
  entry_list::iterator find(std::string_view request_id);

  active_limits limits_;
  entry_list entries_;
  /// The keys point into the entries.
  std::unordered_map<std::string_view, entry_list::iterator> by_id_;
  std::map<worker_rank, rank_state> ranks_;
  std::size_t blocks_ = 0;
  active_counts counts_;
};

} // namespace dynamo
