#pragma once

#include "dynamo/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// How gRPC puts messages into the body of an HTTP/2 request or response:
//
//   0     1 byte   0: the message is not compressed
//   1     4 bytes  its length, big-endian
//   5     the message
//
// one after the other. Frames do not follow the pieces in which HTTP/2 delivers
// a body.

namespace dynamo {

inline constexpr std::size_t grpc_prefix_size = 5;

/// A message with its prefix.
std::string grpc_frame_of(std::string_view message);

/// Puts messages together out of the pieces of a body. Pure.
class grpc_frame_reader {
 public:
  explicit grpc_frame_reader(std::size_t message_bytes_max)
      : message_bytes_max_(message_bytes_max) {}

  /// Appends the messages that are complete to `out`. errc::too_large for one
  /// beyond the limit, errc::unsupported for one that is compressed, for which
  /// nobody asked. After an error the reader is of no use.
  status take(std::string_view piece, std::vector<std::string>& out);

  /// Whether the body may end here.
  bool at_boundary() const { return pending_.empty(); }

 private:
  const std::size_t message_bytes_max_;
  /// The beginning of a frame; never more than has arrived.
  std::string pending_;
};

/// The text of a "grpc-message": percent-encoded as far as its sender liked.
std::string grpc_message_text(std::string_view encoded);

/// The number of a "grpc-status"; 2, which means unknown, for what is none.
int grpc_status_code(std::string_view text);

} // namespace dynamo
