#pragma once

#include "dynamo/router/prefix_index.hpp"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

// Short ways to write events and queries: block b has the local hash 100 + b.

namespace dynamo::testing {

using hashes = std::vector<std::uint64_t>;

inline const worker_rank one{1, 0};
inline const worker_rank two{2, 0};
inline constexpr auto device = storage_tier::device;
inline constexpr auto host = storage_tier::host_pinned;
inline constexpr auto disk = storage_tier::disk;
inline constexpr auto outside = storage_tier::external;

/// Blocks b with local hash 100 + b, one after the other.
inline kv_cache_event stored(std::optional<std::uint64_t> parent,
                             hashes blocks) {
  kv_stored data{.parent_hash = parent, .start_position = {}, .blocks = {}};
  for (const std::uint64_t block : blocks)
    data.blocks.push_back({block, 100 + block, {}});
  return {.event_id = 0, .data = data, .dp_rank = 0};
}

inline kv_cache_event stored_as(std::optional<std::uint64_t> parent,
                                std::uint64_t block_hash,
                                std::uint64_t tokens_hash) {
  return {.event_id = 0,
          .data = kv_stored{.parent_hash = parent,
                            .start_position = {},
                            .blocks = {{block_hash, tokens_hash, {}}}},
          .dp_rank = 0};
}

inline kv_cache_event removed(hashes blocks) {
  return {.event_id = 0, .data = kv_removed{std::move(blocks)}, .dp_rank = 0};
}

inline kv_cache_event cleared() {
  return {.event_id = 0, .data = kv_cleared{}, .dp_rank = 0};
}

inline hashes query(hashes blocks) {
  for (std::uint64_t& block : blocks)
    block += 100;
  return blocks;
}

using rows = std::vector<rank_overlap>;

} // namespace dynamo::testing
