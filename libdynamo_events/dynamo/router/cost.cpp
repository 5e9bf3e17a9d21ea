#include "dynamo/router/cost.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

namespace dynamo {

namespace {

double host_extra(const rank_overlap& overlap) {
  return static_cast<double>(overlap.host - overlap.device);
}

double disk_extra(const rank_overlap& overlap) {
  return static_cast<double>(overlap.disk - overlap.host);
}

/// The busier a rank is with prefills, the less its cache is worth.
double decay_of(const cost_input& input, double decay_per_request) {
  if (decay_per_request == 0 || input.request_blocks == 0)
    return 1;
  const std::uint64_t waiting =
      input.load ? input.load->active_prefill_tokens : 0;
  const double excess =
      static_cast<double>(waiting -
                          std::min(waiting, input.least_prefill_tokens)) /
      input.block_size;
  return 1 / (1 + decay_per_request * excess /
                      static_cast<double>(input.request_blocks));
}

double raw_prefill_blocks(const cost_input& input,
                          const cost_options& options) {
  if (!input.track_prefill_tokens)
    return 0;
  const auto prompt = static_cast<double>(input.prompt_tokens);
  if (!input.load)
    return prompt / input.block_size;
  const auto cached = static_cast<double>(
      cached_tokens(input.overlap, input.block_size, options));
  const double uncached = std::max(0.0, prompt - cached);
  return (static_cast<double>(input.load->active_prefill_tokens) + uncached +
          cached) /
         input.block_size;
}

/// Blocks in the cache of all workers count whatever is known of the rank.
double credit_of(const cost_input& input, const cost_options& options) {
  const rank_overlap& overlap = input.overlap;
  const double own = options.overlap_score_credit *
                         decay_of(input, options.overlap_score_credit_decay) *
                         overlap.device +
                     options.host_cache_hit_weight * host_extra(overlap) +
                     options.disk_cache_hit_weight * disk_extra(overlap);
  const std::uint32_t shared_beyond =
      input.shared_blocks - std::min(input.shared_blocks, overlap.device);
  return input.trust * own + options.shared_cache_multiplier * shared_beyond;
}

double generation_and_prefill(const cost_terms& terms,
                              const cost_input& input) {
  // Where prompts are no load, the credit has nothing else to be taken from.
  if (!input.track_prefill_tokens && terms.credit > 0)
    return std::max(0.0, terms.decode_blocks - terms.credit);
  return terms.prefill_blocks + terms.decode_blocks;
}

std::size_t nth_of_least(std::span<const double> costs, double least,
                         double sample) {
  const auto ties = std::count(costs.begin(), costs.end(), least);
  auto wanted = static_cast<std::ptrdiff_t>(sample * static_cast<double>(ties));
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (costs[i] == least && wanted-- == 0)
      return i;
  }
  return costs.size() - 1;
}

} // namespace

cost_options with_overrides(cost_options options,
                            const cost_overrides& overrides) {
  const auto change = [](double& value, const std::optional<double>& to) {
    value = to.value_or(value);
  };
  change(options.overlap_score_credit, overrides.overlap_score_credit);
  change(options.overlap_score_credit_decay,
         overrides.overlap_score_credit_decay);
  change(options.prefill_load_scale, overrides.prefill_load_scale);
  change(options.temperature, overrides.temperature);
  change(options.shared_cache_multiplier, overrides.shared_cache_multiplier);
  return options;
}

std::uint64_t cached_tokens(const rank_overlap& overlap,
                            std::uint32_t block_size,
                            const cost_options& options) {
  const double blocks = overlap.device +
                        options.host_cache_hit_weight * host_extra(overlap) +
                        options.disk_cache_hit_weight * disk_extra(overlap);
  return static_cast<std::uint64_t>(
      std::max(0.0, std::round(blocks * block_size)));
}

cost_terms cost_of(const cost_input& input, const cost_options& options) {
  cost_terms terms;
  terms.raw_prefill_blocks = raw_prefill_blocks(input, options);
  terms.credit = credit_of(input, options);
  terms.prefill_blocks = options.prefill_load_scale *
                         std::max(0.0, terms.raw_prefill_blocks - terms.credit);
  const rank_load load = input.load.value_or(rank_load{});
  terms.decode_blocks =
      static_cast<double>(load.active_decode_blocks + input.additional_blocks);
  terms.request_blocks = options.decode_active_request_weight *
                         static_cast<double>(load.active_requests);
  if (input.preference != 0)
    terms.taint_factor = std::exp(-std::tanh(input.preference));
  terms.total = (generation_and_prefill(terms, input) + terms.request_blocks) *
                terms.taint_factor;
  return terms;
}

std::size_t choose_cost(std::span<const double> costs, double temperature,
                        double sample) {
  assert(!costs.empty());
  const auto [least, most] = std::minmax_element(costs.begin(), costs.end());
  const double width = (*most - *least) * temperature;
  // Not above 0 also for a difference too small to divide by.
  if (!(temperature > 0 && width > 0))
    return nth_of_least(costs, *least, sample);
  std::vector<double> weights;
  double sum = 0;
  for (const double cost : costs) {
    weights.push_back(std::exp(-(cost - *least) / width));
    sum += weights.back();
  }
  double reached = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    reached += weights[i] / sum;
    if (sample <= reached)
      return i;
  }
  return costs.size() - 1;
}

double unit_interval(std::uint64_t bits) {
  // As many bits as a double holds.
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

} // namespace dynamo
