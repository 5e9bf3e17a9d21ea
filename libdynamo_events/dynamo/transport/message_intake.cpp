#include "dynamo/transport/message_intake.hpp"

#include <variant>

// Steps 2 and 3 of the receive path: parts and frame are checked, bad ones
// counted and dropped, good ones put into the inbox of their subscription.

namespace dynamo {

namespace {

std::atomic<std::uint64_t>& counter_of(zmq_message_flaw flaw,
                                       receiver_counters& counters) {
  switch (flaw) {
  case zmq_message_flaw::parts:
    return counters.bad_parts;
  case zmq_message_flaw::topic:
    return counters.bad_topic;
  case zmq_message_flaw::identity:
    return counters.bad_identity;
  case zmq_message_flaw::frame:
    break;
  }
  return counters.bad_frame;
}

} // namespace

std::optional<zmq_message>
message_intake::check(std::span<const byte_view> parts) {
  const auto checked = check_zmq_message(
      parts, zmq_topic_of(*target_.name, zmq_topic_form::topic));
  if (const auto* flaw = std::get_if<zmq_message_flaw>(&checked)) {
    ++counter_of(*flaw, counters_);
    return std::nullopt;
  }
  return *std::get_if<zmq_message>(&checked);
}

void message_intake::deliver(const zmq_message& message) {
  const byte_view envelope = message.envelope;
  wire_message taken{target_.name, message.publisher_id, message.sequence,
                     byte_buffer(envelope.begin(), envelope.end())};
  const push_outcome outcome = target_.inbox->push(
      std::move(taken), sizeof(wire_message) + envelope.size());
  if (outcome == push_outcome::dropped) {
    ++counters_.overflowed;
    return;
  }
  ++counters_.accepted;
  counters_.bytes += envelope.size();
  if (outcome == push_outcome::queued_first) {
    target_.wake();
  }
}

} // namespace dynamo
