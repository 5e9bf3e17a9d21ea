#pragma once

#include "apps/loadgen/trace.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dynamo::apps {

/// How a prompt travels: as its tokens, or as what its blocks hash to.
enum class prompt_form { tokens, hashes };

struct prompt_options {
  prompt_form form = prompt_form::tokens;
  std::uint32_t block_size = 16;
  /// Added to each number of the trace.
  std::uint64_t id_shift = 0;
};

/// Token j of the block with number h is (512 (h + id_shift) + j) mod 2^32.
std::vector<std::uint32_t> tokens_of(const trace_request& request,
                                     std::uint64_t id_shift);

/// The prompt as members of a JSON object, without braces: "tokens", or
/// "block_hashes" and "input_tokens".
std::string prompt_members(const trace_request& request,
                           const prompt_options& options);

} // namespace dynamo::apps
