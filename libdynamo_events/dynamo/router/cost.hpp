#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/router/active_sequences.hpp"
#include "dynamo/router/prefix_index.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

// What a request costs on a rank, in blocks, and which rank is taken. Formula
// and weights are those of Dynamo's router; README.md spells them out.

namespace dynamo {

/// One rank as a request sees it.
struct cost_input {
  std::uint32_t block_size = 1;
  std::uint64_t prompt_tokens = 0;
  /// Full blocks of the prompt.
  std::uint64_t request_blocks = 0;
  rank_overlap overlap;
  /// Nothing when no request is booked on the rank.
  std::optional<rank_load> load;
  /// Blocks of the prompt that no request on the rank uses yet.
  std::uint64_t additional_blocks = 0;
  /// The least active_prefill_tokens of all candidates.
  std::uint64_t least_prefill_tokens = 0;
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
  /// Sum of the last three.
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
