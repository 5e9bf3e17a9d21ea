#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

// The binary frame around an envelope; ZMQ only, NATS bodies have none.
//
//   offset  size  content
//   0       1     version, 0x01
//   1       4     length of the payload, big-endian
//   5       n     payload: the envelope

namespace dynamo {

inline constexpr std::size_t frame_header_size_bytes = 5;
inline constexpr std::uint8_t frame_version = 1;

using frame_header = std::array<std::uint8_t, frame_header_size_bytes>;

/// The header of a frame around a payload of that size; for senders that put
/// the payload behind it themselves. errc::too_large beyond 2^32 - 1 bytes.
result<frame_header> encode_frame_header(std::uint64_t payload_size_bytes);

/// Appends the frame around `payload` to `out`; errors as above, and `out` is
/// as it was then.
status encode_frame(byte_view payload, byte_buffer& out);

/// The payload of a frame; it points into `bytes`. What follows the payload is
/// ignored. errc::truncated when the header or the payload is incomplete,
/// errc::unsupported for another version; checked in the order header,
/// version, payload.
result<byte_view> decode_frame(byte_view bytes);

} // namespace dynamo
