#include "apps/loadgen/measurement.hpp"

#include <algorithm>
#include <cmath>

namespace dynamo::apps {

double hit_rate_of(const block_counts& blocks) {
  return blocks.asked == 0 ? 0
                           : static_cast<double>(blocks.reused) /
                                 static_cast<double>(blocks.asked);
}

double percentile(std::vector<double>& values, double share) {
  if (values.empty()) {
    return 0;
  }
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return values[std::min(index, values.size() - 1)];
}

void policy_tally::add(const request_outcome& outcome) {
  ++totals_.requests;
  totals_.retries += outcome.retries;
  totals_.late_max = std::max(totals_.late_max, outcome.late);
  if (outcome.has_failed) {
    ++totals_.failed;
    return;
  }
  totals_.blocks.reused += outcome.blocks.reused;
  totals_.blocks.asked += outcome.blocks.asked;
  times_ms_.push_back(outcome.time_to_first_token_ms);
  work_[outcome.computed_by].computed_tokens += outcome.computed_tokens;
  ++work_[outcome.generated_by].requests;
  if (outcome.computed_by != outcome.generated_by) {
    ++work_[outcome.computed_by].requests;
  }
}

void policy_tally::add_rank(const rank_name& rank) {
  work_.try_emplace(rank);
}

double policy_tally::imbalance(std::uint64_t rank_work::*of) const {
  std::uint64_t sum = 0;
  std::uint64_t most = 0;
  for (const auto& [rank, work] : work_) {
    sum += work.*of;
    most = std::max(most, work.*of);
  }
  return sum == 0
             ? 0
             : static_cast<double>(most) * static_cast<double>(work_.size()) /
                   static_cast<double>(sum);
}

policy_summary policy_tally::summary() const {
  policy_summary all = totals_;
  all.policy = policy_;
  all.hit_rate = hit_rate_of(all.blocks);
  std::vector<double> times = times_ms_;
  all.time_to_first_token_ms_p50 = percentile(times, 0.5);
  all.time_to_first_token_ms_p99 = percentile(times, 0.99);
  all.ranks = work_.size();
  all.imbalance_tokens = imbalance(&rank_work::computed_tokens);
  all.imbalance_requests = imbalance(&rank_work::requests);
  return all;
}

} // namespace dynamo::apps
