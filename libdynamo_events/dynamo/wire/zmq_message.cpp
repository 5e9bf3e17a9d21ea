#include "dynamo/wire/zmq_message.hpp"

#include <cassert>
#include <cstring>

namespace dynamo {

std::string_view zmq_topic_of(const stream_name& name, zmq_topic_form form) {
  return form == zmq_topic_form::topic ? name.topic : name.subject;
}

result<zmq_message_head> zmq_message_head_of(const wire_message& message) {
  const result<frame_header> header =
      encode_frame_header(message.envelope.size());
  if (!header) {
    return header.error();
  }
  zmq_message_head head;
  store_u64_be(head.publisher_id.data(), message.publisher_id);
  store_u64_be(head.sequence.data(), message.sequence);
  head.header = *header;
  return head;
}

void store_frame(const zmq_message_head& head, const wire_message& message,
                 std::span<std::uint8_t> part) {
  assert(part.size() == frame_size_bytes(message));
  std::memcpy(part.data(), head.header.data(), head.header.size());
  if (!message.envelope.empty()) {
    std::memcpy(part.data() + head.header.size(), message.envelope.data(),
                message.envelope.size());
  }
}

std::string_view to_string(zmq_message_flaw flaw) {
  switch (flaw) {
  case zmq_message_flaw::parts:
    return "parts";
  case zmq_message_flaw::topic:
    return "topic";
  case zmq_message_flaw::identity:
    return "identity";
  case zmq_message_flaw::frame:
    return "frame";
  }
  return "unknown";
}

std::variant<zmq_message, zmq_message_flaw>
check_zmq_message(std::span<const byte_view> parts, std::string_view topic) {
  if (parts.size() != zmq_message_parts) {
    return zmq_message_flaw::parts;
  }
  if (text_of(parts[0]) != topic) {
    return zmq_message_flaw::topic;
  }
  if (parts[1].size() != zmq_id_size_bytes ||
      parts[2].size() != zmq_id_size_bytes) {
    return zmq_message_flaw::identity;
  }
  const result<byte_view> envelope = decode_frame(parts[3]);
  if (!envelope) {
    return zmq_message_flaw::frame;
  }
  return zmq_message{load_u64_be(parts[1].data()), load_u64_be(parts[2].data()),
                     *envelope};
}

} // namespace dynamo
