#pragma once

#include <cstdint>
#include <optional>

namespace dynamo {

/// How loaded one rank of a worker is. A field that is absent is no news, not
/// zero: receivers merge field by field.
struct active_load {
  std::uint64_t worker_id = 0;
  std::uint32_t dp_rank = 0;
  /// Blocks of generations in progress.
  std::optional<std::uint64_t> active_decode_blocks;
  /// Prompt tokens that still have to be computed.
  std::optional<std::uint64_t> active_prefill_tokens;
  /// Blocks in use, cached ones included; since Dynamo 1.1.
  std::optional<std::uint64_t> kv_used_blocks;

  bool operator==(const active_load&) const = default;
};

} // namespace dynamo
