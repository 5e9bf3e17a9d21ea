#include "dynamo/transport/receiver_counters.hpp"

namespace dynamo {

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
  counts.overflowed = value(overflowed);
  return counts;
}

} // namespace dynamo
