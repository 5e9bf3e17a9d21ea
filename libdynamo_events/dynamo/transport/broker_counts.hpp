#pragma once

#include <cstdint>

namespace dynamo {

/// What became of a broker's messages since its start. A message that was
/// received is heard, unheard or bad; one that is heard counts once in
/// `delivered` or in `missed` for each subscriber that wanted it.
struct broker_counts {
  std::uint64_t received = 0;
  std::uint64_t received_bytes = 0;
  /// Nobody was subscribed to it.
  std::uint64_t unheard = 0;
  /// Of too many parts or bytes.
  std::uint64_t bad = 0;

  /// Put into the queue of a subscriber.
  std::uint64_t delivered = 0;
  std::uint64_t delivered_bytes = 0;
  /// Not put there because it was full.
  std::uint64_t missed = 0;
  /// Messages that at least one subscriber missed.
  std::uint64_t dropped = 0;
  /// In the queue of a subscriber whose connection ended.
  std::uint64_t abandoned = 0;
  /// Times that all waited for subscribers that were full.
  std::uint64_t held = 0;

  std::uint64_t subscribers_accepted = 0;
  /// Beyond the limit of subscribers.
  std::uint64_t subscribers_refused = 0;
  /// That broke the protocol, or did not complete its opening in time.
  std::uint64_t subscribers_bad = 0;

  /// Now: connections, different prefixes, and messages that wait.
  std::uint64_t subscribers = 0;
  std::uint64_t subscriptions = 0;
  std::uint64_t waiting = 0;
};

} // namespace dynamo
