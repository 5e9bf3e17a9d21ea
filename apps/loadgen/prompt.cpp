#include "apps/loadgen/prompt.hpp"

#include "dynamo/router/block_hash.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace dynamo::apps {

namespace {

// By hand: the library's values would take ten times the memory of the text.
template <class Integer>
void append_array(std::string& to, std::string_view name,
                  const std::vector<Integer>& values) {
  to += '"';
  to += name;
  to += "\":[";
  std::array<char, 20> digits{};
  for (const Integer value : values) {
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), value);
    to.append(digits.data(), end.ptr);
    to += ',';
  }
  if (values.empty()) {
    to += ']';
  } else {
    to.back() = ']';
  }
}

} // namespace

std::vector<std::uint32_t> tokens_of(const trace_request& request,
                                     std::uint64_t id_shift) {
  std::vector<std::uint32_t> tokens;
  tokens.reserve(request.input_tokens);
  for (const std::uint64_t id : request.block_ids) {
    const std::uint64_t first = trace_block_tokens * (id + id_shift);
    const std::uint64_t count = std::min<std::uint64_t>(
        trace_block_tokens, request.input_tokens - tokens.size());
    for (std::uint64_t j = 0; j < count; ++j) {
      tokens.push_back(static_cast<std::uint32_t>(first + j));
    }
  }
  return tokens;
}

std::string prompt_members(const trace_request& request,
                           const prompt_options& options) {
  const std::vector<std::uint32_t> tokens =
      tokens_of(request, options.id_shift);
  std::string members;
  if (options.form == prompt_form::tokens) {
    append_array(members, "tokens", tokens);
    return members;
  }
  append_array(members, "block_hashes",
               local_block_hashes(tokens, options.block_size));
  members += ",\"input_tokens\":" + std::to_string(tokens.size());
  return members;
}

} // namespace dynamo::apps
