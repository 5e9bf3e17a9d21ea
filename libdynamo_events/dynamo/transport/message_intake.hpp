#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/transport/receiver_counters.hpp"
#include "dynamo/transport/transport.hpp"
#include "dynamo/wire/zmq_message.hpp"

#include <optional>
#include <span>
#include <utility>
#include <vector>

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

  /// Copies the envelope. It is in the inbox, and the consumer awake, at the
  /// latest after flush(), which has to follow soon: to wake somebody for each
  /// message costs more than all the rest.
  void take(const zmq_message& message);
  void take(wire_message message);
  void flush();

 private:
  subscription target_;
  std::vector<wire_message> taken_;
  receiver_counters& counters_;
};

} // namespace dynamo
