#pragma once

#include "dynamo/transport/transport.hpp"
#include "dynamo/wire/zmq_message.hpp"

#include <atomic>
#include <cstdint>

namespace dynamo {

/// The totals of a receiver while they grow. Thread-safe; a picture taken
/// while messages arrive may be one message apart between two totals.
struct receiver_counters {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> bad_parts{0};
  std::atomic<std::uint64_t> bad_topic{0};
  std::atomic<std::uint64_t> bad_identity{0};
  std::atomic<std::uint64_t> bad_frame{0};
  std::atomic<std::uint64_t> bad_envelope{0};
  std::atomic<std::uint64_t> overflowed{0};

  /// One more message that is dropped for this.
  void count(zmq_message_flaw flaw);

  receiver_counts picture() const;
};

} // namespace dynamo
