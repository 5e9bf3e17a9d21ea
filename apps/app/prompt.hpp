#pragma once

#include "apps/app/number_array.hpp"
#include "dynamo/base/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string_view>
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

/// Longer names of adapters and cache namespaces are, too.
inline constexpr std::size_t hash_name_bytes_max = 256;

/// A JSON object with a prompt in it.
struct prompt_body {
  /// Null stands for what `arrays` has.
  nlohmann::json members;
  number_arrays arrays;
};

/// As parse_body, but fast for long prompts.
result<prompt_body> parse_prompt_body(std::string_view text);

/// Reads either "tokens" or "block_hashes" with "input_tokens"; an error names
/// the member. "lora_name" and "cache_salt" are part of the hashes of tokens.
/// errc::too_large beyond `tokens_max`.
result<prompt> prompt_of(const prompt_body& body, std::uint32_t block_size,
                         std::uint64_t tokens_max = prompt_tokens_max);

/// "block_hashes" alone, at most so many.
result<std::vector<std::uint64_t>> block_hashes_of(prompt_body body,
                                                   std::uint64_t count_max);

} // namespace dynamo::apps
