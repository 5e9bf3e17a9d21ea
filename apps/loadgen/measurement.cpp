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
  load_[{outcome.worker_id, outcome.dp_rank}] += outcome.input_tokens;
}

void policy_tally::add_rank(std::uint64_t worker_id, std::uint32_t dp_rank) {
  load_.try_emplace({worker_id, dp_rank}, 0);
}

policy_summary policy_tally::summary() const {
  policy_summary all = totals_;
  all.policy = policy_;
  all.hit_rate = hit_rate_of(all.blocks);
  std::vector<double> times = times_ms_;
  all.time_to_first_token_ms_p50 = percentile(times, 0.5);
  all.time_to_first_token_ms_p99 = percentile(times, 0.99);
  all.ranks = load_.size();
  std::uint64_t sum = 0;
  std::uint64_t most = 0;
  for (const auto& [rank, tokens] : load_) {
    sum += tokens;
    most = std::max(most, tokens);
  }
  if (sum > 0) {
    all.load_balance = static_cast<double>(most) *
                       static_cast<double>(load_.size()) /
                       static_cast<double>(sum);
  }
  return all;
}

} // namespace dynamo::apps
