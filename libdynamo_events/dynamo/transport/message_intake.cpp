#include "dynamo/transport/message_intake.hpp"

#include <variant>

// Steps 2 and 3 of the receive path: parts and frame are checked, bad ones
// counted and dropped, good ones put into the inbox of their subscription.

namespace dynamo {

namespace {

/// Messages that come together are put into the inbox so many at a time.
constexpr std::size_t taken_max = 32;

} // namespace

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

void message_intake::take(const zmq_message& message) {
  const byte_view envelope = message.envelope;
  take(wire_message{target_.name, message.publisher_id, message.sequence,
                    byte_buffer(envelope.begin(), envelope.end())});
}

void message_intake::take(wire_message message) {
  taken_.push_back(std::move(message));
  if (taken_.size() >= taken_max) {
    flush();
  }
}

void message_intake::flush() {
  if (taken_.empty()) {
    return;
  }
  const auto pushed =
      target_.inbox->push_all(taken_, [](const wire_message& message) {
        return sizeof(wire_message) + message.envelope.size();
      });
  taken_.clear();
  counters_.overflowed += pushed.dropped;
  counters_.accepted += pushed.count;
  counters_.bytes += pushed.bytes - pushed.count * sizeof(wire_message);
  if (pushed.is_first) {
    target_.wake();
  }
}

} // namespace dynamo
