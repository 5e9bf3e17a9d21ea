#include "apps/bench/roles/word_hash.hpp"

#include "dynamo/router/block_hash.hpp"

namespace dynamo::apps {

void append_block_hash(std::initializer_list<std::uint64_t> words,
                       std::vector<std::uint64_t>& to) {
  std::vector<std::uint32_t> tokens;
  for (const std::uint64_t word : words) {
    tokens.push_back(static_cast<std::uint32_t>(word));
    tokens.push_back(static_cast<std::uint32_t>(word >> 32));
  }
  block_hasher hasher{static_cast<std::uint32_t>(tokens.size()), {}};
  hasher.append(tokens, to);
}

} // namespace dynamo::apps
