#include "apps/app/prompt.hpp"

#include "apps/app/json_body.hpp"
#include "dynamo/router/block_hash.hpp"

#include <nlohmann/json.hpp>

#include <limits>
#include <string>

namespace dynamo::apps {

namespace {

using nlohmann::json;

error wrong(const std::string& member, const std::string& expected) {
  return {errc::malformed, member + ": expected " + expected};
}

result<prompt> from_tokens(const json& body, std::uint32_t block_size) {
  const auto tokens =
      integers_of(body, "tokens", std::numeric_limits<std::uint32_t>::max(),
                  prompt_tokens_max);
  if (!tokens) {
    return tokens.error();
  }
  if (tokens->empty()) {
    return wrong("tokens", "at least one token");
  }
  const std::vector<std::uint32_t> narrow(tokens->begin(), tokens->end());
  return prompt{narrow.size(), local_block_hashes(narrow, block_size)};
}

result<prompt> from_hashes(const json& body, std::uint32_t block_size) {
  auto local =
      integers_of(body, "block_hashes",
                  std::numeric_limits<std::uint64_t>::max(), prompt_tokens_max);
  if (!local) {
    return local.error();
  }
  const auto tokens = integer_of(body, "input_tokens", prompt_tokens_max);
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

result<prompt> prompt_of(const json& body, std::uint32_t block_size) {
  const bool has_tokens = body.contains("tokens");
  if (has_tokens == body.contains("block_hashes")) {
    return wrong("tokens", "either this or block_hashes");
  }
  return has_tokens ? from_tokens(body, block_size)
                    : from_hashes(body, block_size);
}

} // namespace dynamo::apps
