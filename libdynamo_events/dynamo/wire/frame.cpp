#include "dynamo/wire/frame.hpp"

#include <limits>
#include <string>

namespace dynamo {

result<frame_header> encode_frame_header(std::uint64_t payload_size_bytes) {
  constexpr std::uint64_t size_max = std::numeric_limits<std::uint32_t>::max();
  if (payload_size_bytes > size_max) {
    return error{errc::too_large,
                 "frame payload: expected at most " + std::to_string(size_max) +
                     " bytes, got " + std::to_string(payload_size_bytes)};
  }
  frame_header header{frame_version};
  store_u32_be(header.data() + 1,
               static_cast<std::uint32_t>(payload_size_bytes));
  return header;
}

status encode_frame(byte_view payload, byte_buffer& out) {
  const result<frame_header> header = encode_frame_header(payload.size());
  if (!header) {
    return header.error();
  }
  out.reserve(out.size() + header->size() + payload.size());
  out.insert(out.end(), header->begin(), header->end());
  out.insert(out.end(), payload.begin(), payload.end());
  return ok();
}

result<byte_view> decode_frame(byte_view bytes) {
  if (bytes.size() < frame_header_size_bytes) {
    return error{errc::truncated, "frame header: expected 5 bytes, got " +
                                      std::to_string(bytes.size())};
  }
  if (bytes[0] != frame_version) {
    return error{errc::unsupported,
                 "frame version: expected 1, got " + std::to_string(bytes[0])};
  }
  const std::size_t length = load_u32_be(bytes.data() + 1);
  const byte_view behind = bytes.subspan(frame_header_size_bytes);
  if (behind.size() < length) {
    return error{errc::truncated, "frame payload: expected " +
                                      std::to_string(length) + " bytes, got " +
                                      std::to_string(behind.size())};
  }
  return behind.first(length);
}

} // namespace dynamo
