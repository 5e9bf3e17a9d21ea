#include "dynamo/discovery/grpc_frame.hpp"

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/percent.hpp"

#include <charconv>
#include <utility>

namespace dynamo {

namespace {

constexpr int status_unknown = 2;

const std::uint8_t* bytes_at(std::string_view text, std::size_t offset) {
  return bytes_of(text.substr(offset)).data();
}

} // namespace

std::string grpc_frame_of(std::string_view message) {
  std::uint8_t prefix[grpc_prefix_size] = {};
  store_u32_be(prefix + 1, static_cast<std::uint32_t>(message.size()));
  std::string frame{text_of(prefix)};
  frame.append(message);
  return frame;
}

status grpc_frame_reader::take(std::string_view piece,
                               std::vector<std::string>& out) {
  pending_.append(piece);
  std::size_t offset = 0;
  while (pending_.size() - offset >= grpc_prefix_size) {
    if (pending_[offset] != 0) {
      return error{errc::unsupported,
                   "gRPC frame: expected a plain message, got flags " +
                       std::to_string(*bytes_at(pending_, offset))};
    }
    const std::uint32_t length = load_u32_be(bytes_at(pending_, offset + 1));
    if (length > message_bytes_max_) {
      return error{errc::too_large, "gRPC frame: expected at most " +
                                        std::to_string(message_bytes_max_) +
                                        " bytes, got " +
                                        std::to_string(length)};
    }
    if (pending_.size() - offset - grpc_prefix_size < length) {
      break;
    }
    out.push_back(pending_.substr(offset + grpc_prefix_size, length));
    offset += grpc_prefix_size + length;
  }
  pending_.erase(0, offset);
  return ok();
}

std::string grpc_message_text(std::string_view encoded) {
  auto decoded = percent_decode(encoded);
  return decoded ? *std::move(decoded) : std::string{encoded};
}

int grpc_status_code(std::string_view text) {
  int code = status_unknown;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), code);
  const bool whole = failure == std::errc{} && end == text.data() + text.size();
  return whole && code >= 0 ? code : status_unknown;
}

} // namespace dynamo
