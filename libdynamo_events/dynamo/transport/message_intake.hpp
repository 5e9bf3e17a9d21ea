#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/transport/receiver_counters.hpp"
#include "dynamo/transport/transport.hpp"
#include "dynamo/wire/zmq_message.hpp"

#include <optional>
#include <span>
#include <utility>

namespace dynamo {

/// Where the messages of one subscription go: checks what came off a socket,
/// counts what is wrong with it, and puts the rest into the inbox. Belongs to
/// the receiver's thread.
class message_intake {
 public:
  /// `counters` must outlive it.
  message_intake(subscription target, receiver_counters& counters)
      : target_(std::move(target))
      , counters_(counters) {}

  const subscription& target() const { return target_; }

  /// The content of a message, or nothing when it is counted as bad. What is
  /// returned points into `parts`.
  std::optional<zmq_message> check(std::span<const byte_view> parts);

  /// A message that is no peer's of the connection it came on.
  void refuse_identity() { ++counters_.bad_identity; }

  /// Copies the envelope into the inbox and wakes the consumer if it sleeps.
  void deliver(const zmq_message& message);
  void deliver(wire_message message);

 private:
  subscription target_;
  receiver_counters& counters_;
};

} // namespace dynamo
