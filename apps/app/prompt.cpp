#include "apps/app/prompt.hpp"

#include "apps/app/json_body.hpp"
#include "dynamo/router/block_hash.hpp"

#include <limits>
#include <string>
#include <utility>

namespace dynamo::apps {

namespace {

using nlohmann::json;

error wrong(const std::string& member, const std::string& expected) {
  return {errc::malformed, member + ": expected " + expected};
}

/// The array that was taken out of the text, or the member, for an exact word
/// on what is wrong with it.
template <class Integer>
result<std::vector<Integer>>
array_of(const std::optional<std::vector<Integer>>& taken, const json& members,
         std::string_view name, std::uint64_t count_max) {
  if (!taken) {
    const auto read = integers_of(
        members, name, std::numeric_limits<Integer>::max(), count_max);
    if (!read) {
      return read.error();
    }
    return std::vector<Integer>(read->begin(), read->end());
  }
  if (taken->size() > count_max) {
    return error{errc::too_large, std::string{name} + ": expected at most " +
                                      std::to_string(count_max) +
                                      " items, got " +
                                      std::to_string(taken->size())};
  }
  return *taken;
}

result<prompt> from_tokens(const prompt_body& body, std::uint32_t block_size,
                           std::uint64_t tokens_max) {
  const auto tokens =
      array_of(body.arrays.tokens, body.members, "tokens", tokens_max);
  if (!tokens) {
    return tokens.error();
  }
  if (tokens->empty()) {
    return wrong("tokens", "at least one token");
  }
  const auto lora =
      optional_text_of(body.members, "lora_name", hash_name_bytes_max);
  if (!lora) {
    return lora.error();
  }
  const auto salt =
      optional_text_of(body.members, "cache_salt", hash_name_bytes_max);
  if (!salt) {
    return salt.error();
  }
  block_hash_options options;
  options.lora_name = lora->has_value() ? **lora : std::string_view{};
  options.cache_namespace = salt->has_value() ? **salt : std::string_view{};
  return prompt{tokens->size(),
                local_block_hashes(*tokens, block_size, options)};
}

result<prompt> from_hashes(const prompt_body& body, std::uint32_t block_size,
                           std::uint64_t tokens_max) {
  auto local = array_of(body.arrays.block_hashes, body.members, "block_hashes",
                        tokens_max);
  if (!local) {
    return local.error();
  }
  const auto tokens = integer_of(body.members, "input_tokens", tokens_max);
  if (!tokens) {
    return tokens.error();
  }
  if (*tokens == 0) {
    return wrong("input_tokens", "at least one token");
  }
  if (local->size() > *tokens / block_size) {
    return wrong("block_hashes", "at most one for each " +
                                     std::to_string(block_size) +
                                     " input_tokens");
  }
  return prompt{*tokens, *std::move(local)};
}

} // namespace

result<prompt_body> parse_prompt_body(std::string_view text) {
  prompt_body body;
  auto members = parse_body(take_arrays(text, body.arrays));
  if (!members) {
    return std::move(members).error();
  }
  body.members = *std::move(members);
  return body;
}

result<prompt> prompt_of(const prompt_body& body, std::uint32_t block_size,
                         std::uint64_t tokens_max) {
  const bool has_tokens = body.members.contains("tokens");
  if (has_tokens == body.members.contains("block_hashes")) {
    return wrong("tokens", "either this or block_hashes");
  }
  return has_tokens ? from_tokens(body, block_size, tokens_max)
                    : from_hashes(body, block_size, tokens_max);
}

result<std::vector<std::uint64_t>> block_hashes_of(prompt_body body,
                                                   std::uint64_t count_max) {
  return array_of(body.arrays.block_hashes, body.members, "block_hashes",
                  count_max);
}

} // namespace dynamo::apps
