#pragma once

#include "dynamo/base/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <vector>

namespace dynamo::apps {

/// The prompt of a request: its tokens are counted, its full blocks hashed.
struct prompt {
  std::uint64_t tokens = 0;
  /// Local block hashes.
  std::vector<std::uint64_t> local;
};

/// Longer prompts are refused.
inline constexpr std::uint64_t prompt_tokens_max = 16'777'216;

/// Reads either "tokens" or "block_hashes" with "input_tokens"; an error names
/// the member.
result<prompt> prompt_of(const nlohmann::json& body, std::uint32_t block_size);

} // namespace dynamo::apps
