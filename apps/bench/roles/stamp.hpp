#pragma once

#include "dynamo/base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace dynamo::apps {

/// What stands at the beginning of every payload that is measured.
///
///   0  u64 LE  index of the message; the top bit is set in warm-up messages
///   8  u64 LE  monotonic_ns() right before the publish call
///   16 0x5a    up to the size of the payload
struct stamp {
  std::uint64_t index = 0;
  std::uint64_t sent_at_ns = 0;

  bool is_warm_up() const { return (index & warm_up_bit) != 0; }

  static constexpr std::uint64_t warm_up_bit = std::uint64_t{1} << 63;
};

inline constexpr std::size_t stamp_bytes = 16;

/// `payload` has room for a stamp.
void store_stamp(const stamp& value, std::span<std::uint8_t> payload);

/// Nothing when the payload is too small for one.
std::optional<stamp> load_stamp(byte_view payload);

/// A payload of so many bytes, at least a stamp's.
byte_buffer stamped_payload(std::size_t size_bytes);

} // namespace dynamo::apps
