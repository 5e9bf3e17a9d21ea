#include "dynamo/transport/message_intake.hpp"

#include <variant>

// Steps 2 and 3 of the receive path: parts and frame are checked, bad ones
// counted and dropped, good ones put into the inbox of their subscription.

namespace dynamo {

std::optional<zmq_message>
message_intake::check(std::span<const byte_view> parts) {
  const auto checked = check_zmq_message(
      parts, zmq_topic_of(*target_.name, zmq_topic_form::topic));
  if (const auto* flaw = std::get_if<zmq_message_flaw>(&checked)) {
    counters_.count(*flaw);
    return std::nullopt;
  }
  return *std::get_if<zmq_message>(&checked);
}

void message_intake::deliver(const zmq_message& message) {
  const byte_view envelope = message.envelope;
  deliver(wire_message{target_.name, message.publisher_id, message.sequence,
                       byte_buffer(envelope.begin(), envelope.end())});
}

void message_intake::deliver(wire_message message) {
  const std::size_t bytes = message.envelope.size();
  const push_outcome outcome =
      target_.inbox->push(std::move(message), sizeof(wire_message) + bytes);
  if (outcome == push_outcome::dropped) {
    ++counters_.overflowed;
    return;
  }
  ++counters_.accepted;
  counters_.bytes += bytes;
  if (outcome == push_outcome::queued_first) {
    target_.wake();
  }
}

} // namespace dynamo
