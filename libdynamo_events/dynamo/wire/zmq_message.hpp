#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/events/envelope.hpp"
#include "dynamo/wire/frame.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

// A message as ZMQ carries it, in pure bytes:
//
//   part  size  content
//   0     n     topic: the bare topic (direct), the subject (broker)
//   1     8     publisher id, big-endian
//   2     8     sequence, big-endian
//   3     >= 5  frame: the header of wire/frame.hpp, then the envelope
//
// Step 5 of the publish path: the sender makes `zmq_message_head` of a
// wire_message, sends part 0 from the stream's name, parts 1 and 2 from the
// head, and as part 3 the head's frame header followed by the envelope. Since
// libzmq wants a part in one piece, it allocates part 3 with
// `frame_size_bytes(...)` and calls `store_frame(...)` on it: the envelope is
// copied once, straight into the message.
//
// Step 2 of the receive path: the receiver hands the parts that it took off
// the socket to `check_zmq_message`, counts the check that failed, or goes on
// with what it returns.

namespace dynamo {

inline constexpr std::size_t zmq_message_parts = 4;
/// Of part 1 and of part 2.
inline constexpr std::size_t zmq_id_size_bytes = 8;

/// Which part 0 a message has.
enum class zmq_topic_form {
  /// Direct mode: "kv-events".
  topic,
  /// Broker mode: "namespace.dynamo.component.backend.kv-events".
  subject,
};

/// Part 0. Points into `name`.
std::string_view zmq_topic_of(const stream_name& name, zmq_topic_form form);

/// What precedes the envelope of a message, apart from the topic.
struct zmq_message_head {
  std::array<std::uint8_t, zmq_id_size_bytes> publisher_id{};
  std::array<std::uint8_t, zmq_id_size_bytes> sequence{};
  frame_header header{};
};

/// errc::too_large when the envelope is too large for a frame.
result<zmq_message_head> zmq_message_head_of(const wire_message& message);

/// Size of part 3.
inline std::size_t frame_size_bytes(const wire_message& message) {
  return frame_header_size_bytes + message.envelope.size();
}

/// Writes part 3 into `part`, which must have exactly the size above.
void store_frame(const zmq_message_head& head, const wire_message& message,
                 std::span<std::uint8_t> part);

/// Why a received message is dropped, in the order of the checks.
enum class zmq_message_flaw {
  /// Not exactly four parts.
  parts,
  /// Part 0 is not the expected topic; ZMQ itself matches only a prefix.
  topic,
  /// Part 1 or part 2 is not of 8 bytes.
  identity,
  /// Part 3 is no frame.
  frame,
};

/// "parts", "topic", "identity", "frame".
std::string_view to_string(zmq_message_flaw flaw);

/// The content of a received message; the envelope points into its part 3.
struct zmq_message {
  std::uint64_t publisher_id = 0;
  std::uint64_t sequence = 0;
  byte_view envelope;
};

/// The content, or the first check that failed. That the ids equal those of
/// the envelope, and that the publisher is one we follow, is for the caller
/// to check.
std::variant<zmq_message, zmq_message_flaw>
check_zmq_message(std::span<const byte_view> parts, std::string_view topic);

} // namespace dynamo
