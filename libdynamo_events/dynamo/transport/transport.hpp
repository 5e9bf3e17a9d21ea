#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/base/inbox.hpp"
#include "dynamo/events/envelope.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

// What a transport is. Two directions, no knowledge of events or discovery.
//
// Threading contract: a sender belongs to one actor or thread at a time and
// never blocks. A receiver's members may be called from any thread; it runs
// threads of its own that do two things with what comes in: push it into the
// inbox of its subscription, and call `wake` when push() says that the consumer
// sleeps.

namespace dynamo {

/// What became of one message.
enum class send_outcome {
  /// Handed over; with PUB/SUB that is no promise that anybody gets it.
  sent,
  /// Dropped: nobody is subscribed.
  unheard,
  /// Dropped: the socket or the connection did not take it.
  refused,
};

/// Totals of one sender; a message stands in exactly one of the first three.
struct sender_counts {
  std::uint64_t sent = 0;
  std::uint64_t unheard = 0;
  std::uint64_t refused = 0;
  /// Of the envelopes that were sent.
  std::uint64_t bytes = 0;
};

/// The way out of one publisher.
class sender {
 public:
  virtual ~sender() = default;

  virtual send_outcome send(const wire_message& message) = 0;

  /// Where subscribers connect: "tcp://10.0.0.5:40123". Empty for transports
  /// that need no address.
  virtual const std::string& endpoint() const = 0;

  /// How many subscribers the transport knows of, as of this call; nothing
  /// when it cannot know.
  virtual std::optional<std::size_t> subscribers() = 0;

  virtual sender_counts counts() const = 0;
};

/// Names a subscription within its receiver; chosen by the caller, unique.
using subscription_id = std::uint64_t;

/// A publisher that a subscription follows.
struct peer {
  std::uint64_t publisher_id = 0;
  std::string endpoint;

  bool operator==(const peer&) const = default;
};

/// How a connection to a peer stands.
enum class connection_state {
  /// Being made, or waiting for its next attempt.
  connecting,
  /// The handshake is done: what the peer sends from now on arrives.
  connected,
  /// It was there and is lost; what it had delivered is in the inbox.
  lost,
  /// It could not be made.
  failed,
};

/// "connecting", "connected", "lost", "failed".
std::string_view to_string(connection_state state);

/// A connection changed.
struct connection_change {
  subscription_id subscription = 0;
  peer remote;
  connection_state state = connection_state::connecting;
  /// In words, for the log; may be empty.
  std::string reason;
};

using message_inbox = inbox<wire_message>;
using connection_inbox = inbox<connection_change>;

/// An interest in one stream name.
struct subscription {
  subscription_id id = 0;
  std::shared_ptr<const stream_name> name;
  /// Filled by the receiver's thread. Kept alive by both sides.
  std::shared_ptr<message_inbox> inbox;
  /// Called from the receiver's thread when the inbox stops being empty. Must
  /// not block and must not call the receiver.
  std::function<void()> wake;
};

/// Totals of one receiver. Whatever is not accepted stands in exactly one of
/// the others.
struct receiver_counts {
  std::uint64_t accepted = 0;
  std::uint64_t bytes = 0;
  /// Not exactly four parts.
  std::uint64_t bad_parts = 0;
  /// Part 0 is not the topic (ZMQ matches prefixes).
  std::uint64_t bad_topic = 0;
  /// Part 1 or 2 has not 8 bytes, or part 1 is no peer of this connection.
  std::uint64_t bad_identity = 0;
  /// Part 3 is no frame.
  std::uint64_t bad_frame = 0;
  /// NATS: no envelope.
  std::uint64_t bad_envelope = 0;
  /// The subscription's inbox was full.
  std::uint64_t overflowed = 0;
};

/// The way in of a whole process.
class receiver {
 public:
  virtual ~receiver() = default;

  /// Starts a subscription. Transports without peers deliver at once, others
  /// when a peer is connected.
  virtual status subscribe(subscription wanted) = 0;

  /// Ends a subscription and its connections. After it returned, `wake` is not
  /// called again.
  virtual void unsubscribe(subscription_id id) = 0;

  /// Begins to connect a subscription to a peer; what becomes of it arrives as
  /// connection_change. A peer with the same publisher id replaces the one
  /// that was there, also when its endpoint is the same (a new attempt).
  virtual status connect(subscription_id id, const peer& remote) = 0;

  /// Ends a connection; no change is reported for it. What had arrived by then
  /// may still be put into the inbox.
  virtual void disconnect(subscription_id id, std::uint64_t publisher_id) = 0;

  virtual receiver_counts counts() const = 0;
};

/// What a sender is made for.
struct sender_request {
  std::uint64_t publisher_id = 0;
  std::shared_ptr<const stream_name> name;
};

/// One transport of one process: makes senders, has one receiver. Owned by one
/// place that outlives whatever uses it; senders must be gone before it is.
/// Members from one thread at a time.
class transport {
 public:
  virtual ~transport() = default;

  virtual result<std::unique_ptr<sender>>
  open(const sender_request& wanted) = 0;

  virtual dynamo::receiver& receiver() = 0;

  /// Where changes of connections are reported. Set once, before the first
  /// subscription; `wake` as in `subscription`, and called too when a sender
  /// may have other subscribers() than before. The inbox must hold at least one
  /// change per peer.
  virtual void report_to(std::shared_ptr<connection_inbox> changes,
                         std::function<void()> wake) = 0;

  /// The publishers whose senders may have other subscribers() than at the last
  /// call.
  virtual std::set<std::uint64_t> stirred() = 0;
};

} // namespace dynamo
