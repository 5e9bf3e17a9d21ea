#pragma once

#include "actors/caf_seam.hpp"
#include "actors/direct_outlet.hpp"
#include "actors/doorbell.hpp"
#include "actors/event_plane.hpp"
#include "actors/link_outlet.hpp"
#include "dynamo/base/inbox.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <memory>
#include <vector>

// Everything the actors say to each other: facts in the past, commands in the
// imperative. Handlers take const references; big payloads travel behind a
// shared_ptr to const.

namespace dynamo::actors {

// -- Publish path

/// Buffer to publisher: it stopped being empty.
struct events_waiting {};

/// Publisher to bridge: make a sender. Answered by sender_opened or
/// sender_failed; asked again for the same id, it answers for the one it has.
struct open_sender {
  sender_request wanted;
  caf::actor publisher;
};

struct sender_opened {
  std::uint64_t publisher_id = 0;
  std::string endpoint;
  /// One of them is there. For the publisher alone to send with; ...
  std::shared_ptr<sender> out;
  /// ... or, with a server between, for all publishers.
  std::shared_ptr<shared_link> link;
};

/// Bridge to publisher: its sender may have other subscribers than before.
struct subscribers_changed {};

struct sender_failed {
  std::uint64_t publisher_id = 0;
  error reason;
};

/// Publisher to bridge: close the sender; what it holds is still sent for the
/// transport's linger time.
struct close_sender {
  std::uint64_t publisher_id = 0;
};

/// Bridge to publisher: a server has a batch that was handed to the link. A
/// batch whose connection is gone has no answer; sender_changed says when there
/// is another connection.
struct batch_sent {
  std::uint64_t publisher_id = 0;
  std::uint64_t number = 0;
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;
};

/// Bridge to publisher: the batch came to a server that knows no subscriber,
/// and is gone. Offered again it is no duplicate to anybody.
struct batch_unheard {
  std::uint64_t publisher_id = 0;
  std::uint64_t number = 0;
};

/// Bridge to publisher: what it may send changed.
struct sender_changed {
  std::uint64_t publisher_id = 0;
  /// Whether batches are taken now. With a server between there may be none.
  bool is_open = true;
  /// Names the connection that batches are taken for.
  std::uint64_t epoch = 0;
  /// The largest envelope that the server takes; nothing: no limit.
  std::optional<std::size_t> envelope_bytes_max;
};

/// Supervisor to publisher: send what waits, withdraw, close, end.
struct close_publisher {};

// -- Receive path

/// Inbox to subscriber: it stopped being empty.
struct messages_waiting {};

/// Subscriber to bridge. Asked again for the same id: no effect.
struct open_subscription {
  subscription wanted;
  caf::actor subscriber;
};

/// Subscriber to reconnector: stay connected to this peer.
struct want_peer {
  subscription_id subscription = 0;
  peer remote;
  caf::actor subscriber;
};

/// Subscriber to reconnector: no longer.
struct drop_peer {
  subscription_id subscription = 0;
  std::uint64_t publisher_id = 0;
};

/// Reconnector to bridge.
struct connect_peer {
  subscription_id subscription = 0;
  peer remote;
};

/// Reconnector to bridge.
struct disconnect_peer {
  subscription_id subscription = 0;
  std::uint64_t publisher_id = 0;
};

/// Transport to bridge: its inbox of changes stopped being empty.
struct connections_waiting {};

/// Bridge to reconnector, and from there to the subscriber.
struct connection_changed {
  connection_change change;
};

/// Subscriber to a consumer actor, as a request: events in their order. The
/// consumer returns events_handled; until then nothing more is sent, and what
/// arrives waits in the bounded inbox.
struct events_received {
  subscription_id subscription = 0;
  std::shared_ptr<const std::vector<received_event>> events;
};

struct events_handled {};

/// Subscriber to a consumer actor, in its place among the events.
struct notice_received {
  subscription_id subscription = 0;
  stream_notice notice;
};

// -- A server between

/// Link to bridge: its inbox of reports stopped being empty.
struct reports_waiting {};

/// Bridge to reconnector: somebody needs the connection from now on.
struct want_link {
  /// Whether anybody subscribes; then it must be back before publishers send.
  bool has_subscribers = false;
};

/// Reconnector to bridge: make an attempt.
struct connect_link {};

/// Bridge to reconnector and to subscribers.
struct link_changed {
  link_change change;
};

/// Bridge to itself: subscribers had their time to come back.
struct hold_over {
  std::uint64_t epoch = 0;
};

/// Answered by link_status.
struct report_link {};

// -- Discovery

/// Backend to watcher: its inbox stopped being empty.
struct records_waiting {};

/// To the watcher: report a bucket to `observer`, now and from now on.
struct watch_bucket {
  bucket where = bucket::event_channels;
  caf::actor observer;
};

/// Watcher to observer: changes in their order.
struct records_changed {
  bucket where = bucket::event_channels;
  std::shared_ptr<const std::vector<discovery_change>> changes;
  /// These are all records of the bucket: others are gone.
  bool complete = false;
};

/// To the watcher: keep records in the store for as long as `owner` lives.
/// Answered by records_put or put_failed.
struct put_records {
  std::vector<record> values;
  caf::actor owner;
};

struct records_put {};

struct put_failed {
  error reason;
};

/// To the watcher: remove all records of `owner`. Answered by records_removed.
struct remove_records {
  caf::actor owner;
};

struct records_removed {};

// -- Composition

/// A publisher to be; shared with its handle, survives restarts of its actor.
struct publisher_plan {
  publisher_request request;
  publisher_options options;
  std::shared_ptr<inbox<event>> buffer;
  std::shared_ptr<doorbell> bell;
  /// One of them is opened: without a server between; ...
  std::shared_ptr<direct_outlet> direct_out;
  /// ... with one.
  std::shared_ptr<link_outlet> link_out;
};

/// A subscription to be; survives restarts of its actor. Either the consumer
/// functions or the consumer actor are set.
struct subscription_plan {
  subscription_id id = 0;
  scope owner;
  std::string topic;
  subscriber_options options;
  stream_consumer functions;
  caf::actor consumer;
  std::shared_ptr<message_inbox> inbox;
  std::shared_ptr<doorbell> bell;
};

/// To the supervisor.
struct start_publisher {
  std::shared_ptr<const publisher_plan> plan;
};

/// To the supervisor.
struct start_subscriber {
  std::shared_ptr<const subscription_plan> plan;
};

/// To the supervisor: report a bucket to a function.
struct start_observer {
  bucket where = bucket::event_channels;
  std::function<void(const discovery_change&)> on_change;
};

// -- Supervision

/// Supervisor to everybody: these are the parts now. A part that was started
/// again comes with empty hands; whoever needs it asks again.
struct parts_started {
  caf::actor bridge;
  caf::actor reconnector;
  caf::actor watcher;
  /// Which of the three is new.
  bool bridge_is_new = false;
  bool reconnector_is_new = false;
  bool watcher_is_new = false;
};

/// Timers of the actors to themselves.
struct retry_due {};
struct offer_due {};
struct look_again {};
struct tick {};

/// Supervisor to itself: start a part again.
struct restart_due {
  std::size_t child = 0;
};

/// Facade to supervisor: withdraw, flush, end. Answered by nothing; the end is
/// the answer.
struct stop_plane {
  std::chrono::milliseconds flush{0};
};

/// Facade to supervisor; answered by the plane's children.
struct report_children {};

struct children_report {
  std::vector<caf::actor> publishers;
  std::vector<caf::actor> subscribers;
  caf::actor bridge;
  caf::actor reconnector;
  caf::actor watcher;
  std::uint64_t restarts = 0;
};

/// Answered by publisher_status, subscription_status, watcher_status.
struct report_publisher {};
struct report_subscription {};
struct report_watcher {};

struct watcher_status {
  bool synced = false;
  bool stale = false;
  discovery_counts counts;
};

} // namespace dynamo::actors

#include "actors/message_types.hpp"
