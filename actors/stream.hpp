#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/events/event.hpp"
#include "dynamo/events/scope.hpp"
#include "dynamo/events/stream_tracker.hpp"
#include "dynamo/transport/transport.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// What a consumer of events sees: values, without a word of CAF.

namespace dynamo::actors {

/// One event as it arrived.
struct received_event {
  std::uint64_t publisher_id = 0;
  std::uint64_t sequence = 0;
  std::uint64_t published_at_ms = 0;
  event value;
  /// The form in which its publisher announces itself. One of 1.3 has no record
  /// that says whose events they are; they do themselves.
  wire_generation generation = wire_generation::v1_4;
};

/// How far what a consumer holds of a publisher can be trusted.
enum class stream_state {
  /// Nothing has arrived yet.
  waiting,
  /// Every event since the publisher's first was delivered.
  in_sync,
  /// Events are missing.
  partial,
  /// The connection is lost: what is held may be old.
  stale,
};

/// "waiting", "in_sync", "partial", "stale".
std::string_view to_string(stream_state state);

/// A publisher was found, or its record changed.
struct publisher_joined {
  std::uint64_t publisher_id = 0;
  std::string endpoint;
};

/// A publisher's record is gone: it withdrew, or its lifetime ran out.
struct publisher_left {
  std::uint64_t publisher_id = 0;
};

/// Events of a publisher are missing, just before the next one delivered.
struct stream_gap {
  std::uint64_t publisher_id = 0;
  std::uint64_t missed = 0;
  /// How many of them this process dropped itself (full inbox).
  std::uint64_t dropped_here = 0;
};

/// An event arrived that was here before; it was not delivered again.
struct stream_duplicate {
  std::uint64_t publisher_id = 0;
  std::uint64_t sequence = 0;
};

/// A publisher began again at 0 under the same id: what it said is void.
struct stream_restarted {
  std::uint64_t publisher_id = 0;
};

/// A message of a publisher could not be read, and is lost but for the events
/// that come behind this notice with the same number.
struct stream_unreadable {
  std::uint64_t publisher_id = 0;
  std::uint64_t sequence = 0;
  error reason;
  /// Events of it that are lost, when the others are not; 0: all are.
  std::uint64_t skipped_events = 0;
};

/// The connection to a publisher changed.
struct stream_connection {
  std::uint64_t publisher_id = 0;
  connection_state state = connection_state::connecting;
  std::string reason;
};

/// Discovery cannot be seen (true) or can be seen again (false). Connections
/// and membership stay as they are.
struct discovery_stale {
  bool stale = false;
  std::string reason;
};

/// Everything but events, in its place among them.
using stream_notice =
    std::variant<publisher_joined, publisher_left, stream_gap, stream_duplicate,
                 stream_restarted, stream_unreadable, stream_connection,
                 discovery_stale>;

/// What an application gives to `subscribe`. Both are called from the actor
/// runtime, one call at a time per subscription, in the order of the stream;
/// they must not block.
struct stream_consumer {
  std::function<void(const received_event&)> on_event;
  std::function<void(const stream_notice&)> on_notice;
};

/// One publisher as a subscription sees it.
struct stream_status {
  std::uint64_t publisher_id = 0;
  std::string endpoint;
  connection_state connection = connection_state::connecting;
  stream_state state = stream_state::waiting;
  /// Whether events are missing, whatever the connection.
  bool partial = false;
  /// Whether discovery knows the publisher now.
  bool discovered = false;
  stream_counts counts;
  /// Of counts.missed: dropped by this process's own inbox.
  std::uint64_t dropped_here = 0;
  /// Envelopes or payloads that could not be read, or that contradict the
  /// message they came in. They stand in counts.received as well.
  std::uint64_t unreadable = 0;
  /// Events that could not be read in messages of which others could; these
  /// messages stand in `unreadable` too.
  std::uint64_t skipped_events = 0;
  /// Times the connection was made again.
  std::uint64_t reconnects = 0;
  /// Nothing before the first event.
  std::optional<std::chrono::milliseconds> last_event_age;
};

/// One subscription with everything it follows.
struct subscription_status {
  scope owner;
  std::string topic;
  std::vector<stream_status> streams;
  inbox_counts inbox;
  /// Publishers beyond subscriber_options::publishers_max.
  std::uint64_t refused_publishers = 0;
  /// Messages of publishers that were never found.
  std::uint64_t strangers = 0;
};

/// One publisher of this process.
struct publisher_status {
  scope owner;
  std::string topic;
  std::uint64_t publisher_id = 0;
  std::string endpoint;
  /// Whether its records stand in discovery.
  bool advertised = false;
  /// Subscribers that are connected; nothing when the transport cannot know.
  std::optional<std::size_t> subscribers;
  /// Events given to publish() and taken.
  std::uint64_t accepted = 0;
  /// Numbers given out: messages sent and messages lost.
  std::uint64_t sequence = 0;
  /// Messages handed to the transport.
  std::uint64_t sent = 0;
  /// Events that the buffer dropped; each took a number.
  std::uint64_t dropped = 0;
  /// Messages that nobody was subscribed to.
  std::uint64_t unheard = 0;
  /// Messages that the transport refused.
  std::uint64_t refused = 0;
  /// Events that wait in the buffer.
  std::size_t waiting = 0;
};

} // namespace dynamo::actors
