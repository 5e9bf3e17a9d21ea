#include "dynamo/transport/receiver_counters.hpp"

namespace dynamo {

void receiver_counters::count(zmq_message_flaw flaw) {
  switch (flaw) {
  case zmq_message_flaw::parts:
    ++bad_parts;
    return;
  case zmq_message_flaw::topic:
    ++bad_topic;
    return;
  case zmq_message_flaw::identity:
    ++bad_identity;
    return;
  case zmq_message_flaw::frame:
    ++bad_frame;
    return;
  }
}

receiver_counts receiver_counters::picture() const {
  const auto value = [](const std::atomic<std::uint64_t>& total) {
    return total.load(std::memory_order_relaxed);
  };
  receiver_counts counts;
  counts.accepted = value(accepted);
  counts.bytes = value(bytes);
  counts.bad_parts = value(bad_parts);
  counts.bad_topic = value(bad_topic);
  counts.bad_identity = value(bad_identity);
  counts.bad_frame = value(bad_frame);
  counts.bad_envelope = value(bad_envelope);
  counts.overflowed = value(overflowed);
  return counts;
}

} // namespace dynamo
