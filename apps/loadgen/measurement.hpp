#pragma once

#include "apps/loadgen/policy.hpp"
#include "apps/loadgen/trace.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace dynamo::apps {

/// (worker_id, dp_rank).
using rank_name = std::pair<std::uint64_t, std::uint32_t>;

/// How one request ended.
struct request_outcome {
  bool has_failed = false;
  /// Attempts after the first.
  std::uint64_t retries = 0;
  /// How late it was sent.
  std::chrono::milliseconds late{};
  // The rest is meaningless for a request that failed.
  rank_name generated_by;
  /// The same, but where another pool computes prompts.
  rank_name computed_by;
  /// Tokens of the prompt that were not cached.
  std::uint64_t computed_tokens = 0;
  block_counts blocks;
  /// Simulated milliseconds.
  double time_to_first_token_ms = 0;
};

/// One policy's figures.
struct policy_summary {
  policy_kind policy = policy_kind::kv;
  /// Whether it began with empty caches.
  bool had_empty_caches = false;
  /// Those that ended, failed ones as well.
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;
  std::uint64_t retries = 0;
  block_counts blocks;
  double hit_rate = 0;
  double time_to_first_token_ms_p50 = 0;
  double time_to_first_token_ms_p99 = 0;
  /// Of the busiest rank by that of the mean rank; 1 is even, 0 is nothing.
  /// Prompt tokens that ranks had to compute, which is the work they did, and
  /// requests that they computed or generated.
  double imbalance_tokens = 0;
  double imbalance_requests = 0;
  std::size_t ranks = 0;
  std::chrono::milliseconds late_max{};
};

/// blocks.reused / blocks.asked; 0 when nothing was asked.
double hit_rate_of(const block_counts& blocks);

/// The value that `share` (0 to 1) of all values do not exceed: the nearest
/// rank. 0 without values. Sorts `values`.
double percentile(std::vector<double>& values, double share);

/// Sums up one policy's outcomes.
class policy_tally {
 public:
  explicit policy_tally(policy_kind policy)
      : policy_(policy) {}

  void add(const request_outcome& outcome);

  /// A rank that could have had requests counts in the imbalance.
  void add_rank(const rank_name& rank);

  std::uint64_t ended() const { return totals_.requests; }
  policy_summary summary() const;

 private:
  struct rank_work {
    std::uint64_t computed_tokens = 0;
    std::uint64_t requests = 0;
  };

  double imbalance(std::uint64_t rank_work::*of) const;

  const policy_kind policy_;
  policy_summary totals_;
  std::vector<double> times_ms_;
  std::map<rank_name, rank_work> work_;
};

} // namespace dynamo::apps
