#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/router/active_sequences.hpp"
#include "dynamo/router/prefix_index.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a request costs on a rank, in blocks, and which rank is taken. Formula
// and weights are those of Dynamo's router; README.md spells them out.

namespace dynamo {

/// What one request may change about the choice; absent fields stay as
/// configured (Dynamo's RouterConfigOverride).
struct cost_overrides {
  std::optional<double> overlap_score_credit;
  std::optional<double> overlap_score_credit_decay;
  std::optional<double> prefill_load_scale;
  std::optional<double> temperature;
  std::optional<double> shared_cache_multiplier;
  std::optional<bool> assume_kv_reuse;
  std::optional<bool> track_prefill_tokens;

  bool operator==(const cost_overrides&) const = default;
};

/// The options with what the request changes. The two last overrides are none
/// of cost's.
cost_options with_overrides(cost_options options,
                            const cost_overrides& overrides);

/// What a pool's workers do with the requests they get.
enum class pool_role {
  /// Prefill and decode.
  both,
  prefill,
  /// Decode alone: prompts are computed elsewhere.
  decode,
};

/// One rank as a request sees it.
struct cost_input {
  std::uint32_t block_size = 1;
  std::uint64_t prompt_tokens = 0;
  /// Full blocks of the prompt.
  std::uint64_t request_blocks = 0;
  rank_overlap overlap;
  /// Leading blocks of the prompt in a cache that all workers share.
  std::uint32_t shared_blocks = 0;
  /// How far the overlap can be trusted, from 0 to 1; its credit is worth no
  /// more.
  double trust = 1;
  /// Nothing when no request is booked on the rank.
  std::optional<rank_load> load;
  /// Blocks of the prompt that no request on the rank uses yet.
  std::uint64_t additional_blocks = 0;
  /// The least active_prefill_tokens of all candidates.
  std::uint64_t least_prefill_tokens = 0;
  /// False: prompts are no load here.
  bool track_prefill_tokens = true;
  /// Sum of the weights of the request's preferred taints that the rank has.
  double preference = 0;
};

/// The cost and what it is made of, in blocks.
struct cost_terms {
  /// Prompt tokens that wait on the rank and those of the request, before any
  /// credit.
  double raw_prefill_blocks = 0;
  /// For blocks that the rank holds.
  double credit = 0;
  /// Weighted: prefill_load_scale * max(0, raw_prefill_blocks - credit).
  double prefill_blocks = 0;
  /// In use by requests, with this one.
  double decode_blocks = 0;
  /// decode_active_request_weight * requests.
  double request_blocks = 0;
  /// What the sum is multiplied with for preferred taints: exp(-tanh(sum)).
  double taint_factor = 1;
  double total = 0;
};

cost_terms cost_of(const cost_input& input, const cost_options& options);

/// Prompt tokens that the rank's blocks spare, host and disk at their weights.
std::uint64_t cached_tokens(const rank_overlap& overlap,
                            std::uint32_t block_size,
                            const cost_options& options);

/// The position of the chosen cost. Temperature 0: the least, equal ones with
/// equal chances; above: by chance, the cheap ones more often. `sample` lies in
/// [0, 1) and is all the randomness there is. `costs` must not be empty.
std::size_t choose_cost(std::span<const double> costs, double temperature,
                        double sample);

/// A sample for choose_cost out of 64 random bits.
double unit_interval(std::uint64_t bits);

} // namespace dynamo
