#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

// The publisher's half of ZMTP 3.0 with the NULL mechanism: what a SUB of
// libzmq 4 and any other implementation of ZMTP 3 says and understands.
//
// offset  size  greeting (64 bytes, both sides)
//      0    10  ff, 8 of padding, 7f
//     10     2  version: 3, minor
//     12    20  mechanism: "NULL", then zeros
//     32     1  as-server: 0
//     33    31  zeros
//
// offset  size  frame
//      0     1  flags: 1 more, 2 long, 4 command
//      1   1|8  length of the body, eight bytes big-endian when long
//               body; of a command: length of its name (1), name, arguments

namespace dynamo {

/// What a publisher says first: its greeting and that it is ready.
byte_buffer zmtp_opening();

enum class zmtp_part { last, more };

/// Appends a part of a message.
void append_zmtp_part(byte_buffer& to, byte_view body, zmtp_part which);

/// Appends the answer to a ping.
void append_zmtp_pong(byte_buffer& to, std::string_view context);

/// What a subscriber can say.
struct zmtp_request {
  enum class kind {
    /// Once, before all others.
    ready,
    subscribe,
    cancel,
    ping,
  };
  kind what = kind::ready;
  /// The prefix, or what the pong must repeat.
  std::string text;
};

/// Reads what a subscriber sends, in pieces of any size. Keeps at most one
/// frame.
class zmtp_reader {
 public:
  /// A longer frame is an error.
  explicit zmtp_reader(std::size_t frame_bytes_max)
      : frame_bytes_max_(frame_bytes_max) {}

  /// Calls `sink` for every request that is complete. After an error the
  /// connection can only be closed: errc::malformed or errc::too_large says
  /// what was expected, errc::unsupported that the peer speaks another version
  /// or mechanism or is no subscriber.
  status feed(byte_view bytes, const std::function<void(zmtp_request)>& sink);

  bool is_ready() const { return at_ == stage::open; }

 private:
  enum class stage { greeting, handshake, open };

  status take_greeting();
  status take_frame(byte_view body, std::uint8_t flags,
                    const std::function<void(zmtp_request)>& sink);
  status take_command(byte_view body,
                      const std::function<void(zmtp_request)>& sink);
  void take_message(byte_view body,
                    const std::function<void(zmtp_request)>& sink);

  const std::size_t frame_bytes_max_;
  stage at_ = stage::greeting;
  byte_buffer pending_;
  /// Whether the frame that comes next continues a message.
  bool in_message_ = false;
};

} // namespace dynamo
