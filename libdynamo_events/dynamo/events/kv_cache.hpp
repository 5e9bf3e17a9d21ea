#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/optional_box.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dynamo {

/// Where a block is held.
enum class storage_tier : std::uint8_t { device, host_pinned, disk, external };

inline constexpr std::size_t storage_tier_count = 4;

/// "device", "host_pinned", "disk", "external".
std::string_view to_string(storage_tier tier);

/// Undoes to_string; nothing for any other text.
std::optional<storage_tier> storage_tier_from(std::string_view text);

/// Whose residency an event speaks of. Readers must not apply an event whose
/// domain is `unsupported` (a text we do not know) or `invalid` (no text).
enum class residency_domain : std::uint8_t {
  worker,
  cache_owner,
  unsupported,
  invalid,
};

/// "worker", "cache_owner", "unsupported", "invalid".
std::string_view to_string(residency_domain domain);

/// A picture, a sound or a film inside a block.
struct mm_object {
  std::uint64_t mm_hash = 0;
  /// Half-open token ranges [start, end), relative to the block.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> offsets;

  bool operator==(const mm_object&) const = default;
};

/// A block that an engine holds.
struct kv_block {
  /// The engine's own name of the block, its prefix included ("external
  /// sequence hash"); opaque.
  std::uint64_t block_hash = 0;
  /// Content hash of the block's tokens alone ("local block hash"), see
  /// router/block_hash.hpp.
  std::uint64_t tokens_hash = 0;
  /// A box, for most blocks have none and a router moves millions of them.
  optional_box<std::vector<mm_object>> mm_objects;

  bool operator==(const kv_block&) const = default;
};

/// Blocks that became available, each the child of the one before.
struct kv_stored {
  /// block_hash of the block before the first; nothing at the root.
  std::optional<std::uint64_t> parent_hash;
  /// Position of the first block in its sequence, in blocks.
  std::optional<std::uint32_t> start_position;
  std::vector<kv_block> blocks;

  bool operator==(const kv_stored&) const = default;
};

/// Blocks that are gone.
struct kv_removed {
  std::vector<std::uint64_t> block_hashes;

  bool operator==(const kv_removed&) const = default;
};

/// Everything of this rank is gone.
struct kv_cleared {
  bool operator==(const kv_cleared&) const = default;
};

/// One change of one rank's cache.
struct kv_cache_event {
  /// Counts from 1 within (worker_id, dp_rank).
  std::uint64_t event_id = 0;
  std::variant<kv_stored, kv_removed, kv_cleared> data;
  std::uint32_t dp_rank = 0;

  bool operator==(const kv_cache_event&) const = default;
};

/// One change of one worker's cache, as routers read it.
struct router_event {
  std::uint64_t worker_id = 0;
  storage_tier tier = storage_tier::device;
  /// Nothing when the sender did not say (Dynamo up to 1.4).
  std::optional<residency_domain> domain;
  kv_cache_event event;
  /// CacheOwnerId of the experimental state agent, kept as the msgpack it came
  /// in; empty when absent.
  byte_buffer state_source;
  /// Since Dynamo 1.6.
  std::optional<std::string> session_id;

  bool operator==(const router_event&) const = default;
};

/// The payload of one kv-events message.
using kv_events = std::vector<router_event>;

/// Hashes that an event carries: its stored or removed blocks.
std::size_t block_count(const router_event& event);

/// Bounds of one kv-events message; a single event beyond them goes alone.
inline constexpr std::size_t kv_events_per_message_max = 128;
inline constexpr std::size_t kv_blocks_per_message_max = 8192;

// -- Older payloads, of Dynamo 1.0; no process of 1.4 or later sends them -----

/// A rank's changes in one message.
struct kv_cache_events {
  std::vector<kv_cache_event> events;
  bool shutdown = false;

  bool operator==(const kv_cache_events&) const = default;
};

/// Blocks of one request's generation in progress.
struct active_block_event {
  struct new_block {
    std::vector<std::uint64_t> hashes;
    bool operator==(const new_block&) const = default;
  };
  struct free_block {
    bool operator==(const free_block&) const = default;
  };

  std::string request_id;
  std::variant<new_block, free_block> data;

  bool operator==(const active_block_event&) const = default;
};

} // namespace dynamo
