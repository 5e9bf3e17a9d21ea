#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/events/kv_cache.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// What inference engines (vLLM, SGLang, TensorRT-LLM) publish themselves, in
// three parts: topic, sequence, batch of cache events. Only read. All functions
// are pure; the structs own what they hold, but for engine_message.

namespace dynamo {

/// The parts of one message; topic and payload point into them.
struct engine_message {
  std::string_view topic;
  /// Per engine process, from 0, +1 per batch.
  std::uint64_t sequence = 0;
  byte_view payload;
};

/// Checks the parts of a message: [topic][sequence, 8 bytes BE][batch].
/// errc::malformed says how many parts or bytes came instead.
result<engine_message> read_engine_message(std::span<const byte_view> parts);

/// What else than its tokens makes a block: a text (a multimodal hash, a cache
/// salt), a text and where it starts, bytes, or a number (its 64 bits).
using engine_extra_key =
    std::variant<std::string, std::pair<std::string, std::int64_t>, byte_buffer,
                 std::uint64_t>;

/// Which cache of the engine blocks are in. Texts are kept as they came.
struct engine_cache {
  /// Case counts: "GPU", "CPU_PINNED", ...
  std::optional<std::string> medium;
  std::optional<std::uint64_t> group_idx;
  std::optional<std::string> spec_kind;
  std::optional<std::int64_t> sliding_window;
  std::optional<std::string> locality;
  std::optional<std::string> ownership;
  std::optional<std::string> session_id;

  bool operator==(const engine_cache&) const = default;
};

/// "BlockStored". Signed hashes are their two's complement; a hash of bytes is
/// the last 8 of them, big-endian, which is how vLLM shortens them itself.
struct engine_blocks_stored {
  std::vector<std::uint64_t> block_hashes;
  std::optional<std::uint64_t> parent_hash;
  /// Tokens of all blocks one after another; empty when they came as pairs.
  std::vector<std::uint32_t> token_ids;
  /// Token and successor (EAGLE); empty when they came alone.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> token_pairs;
  std::uint64_t block_size = 0;
  std::optional<std::string> lora_name;
  /// Per block; kinds of keys that we do not know are left out.
  std::vector<std::vector<engine_extra_key>> extra_keys;
  std::optional<std::string> cache_salt;
  /// Per block.
  std::vector<std::optional<std::vector<mm_object>>> mm_objects;
  /// Per block: tokens beyond it that its hash covers.
  std::vector<std::vector<std::uint32_t>> lookahead_token_ids;
  engine_cache cache;

  bool operator==(const engine_blocks_stored&) const = default;
};

/// "BlockRemoved".
struct engine_blocks_removed {
  std::vector<std::uint64_t> block_hashes;
  engine_cache cache;

  bool operator==(const engine_blocks_removed&) const = default;
};

/// "AllBlocksCleared".
struct engine_blocks_cleared {
  std::optional<std::string> ownership;

  bool operator==(const engine_blocks_cleared&) const = default;
};

/// "Ignored": a sender's way to say nothing.
struct engine_ignored {
  bool operator==(const engine_ignored&) const = default;
};

/// An event whose tag we do not know. Dynamo drops its whole batch.
struct engine_unknown {
  std::string tag;

  bool operator==(const engine_unknown&) const = default;
};

using engine_event =
    std::variant<engine_blocks_stored, engine_blocks_removed,
                 engine_blocks_cleared, engine_ignored, engine_unknown>;

/// The payload of one message.
struct engine_batch {
  /// Seconds since the Unix epoch, by the engine's clock.
  double timestamp = 0;
  std::optional<std::int32_t> data_parallel_rank;
  std::vector<engine_event> events;
  /// Events that could not be read and were left out.
  std::size_t skipped = 0;
  /// Why, for the first few of them.
  std::vector<error> skip_reasons;
};

/// How many reasons a batch keeps.
inline constexpr std::size_t engine_skip_reasons_max = 8;

/// Reads a batch: [timestamp, events], with the rank as a third element, or a
/// map {"ts", "events", "data_parallel_rank" or "dp_rank"}. An event is an
/// array with its tag first, or a map with its tag under "type". One that
/// cannot be read is skipped and counted; the batch fails only when it is no
/// batch at all or when its bytes are not msgpack.
/// Errors: errc::truncated, errc::malformed, errc::too_large.
result<engine_batch> decode_engine_batch(byte_view payload);

} // namespace dynamo
