#pragma once

#include "actors/stream.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/events/topic.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Start here. An application that does not know CAF includes this header alone;
// one that composes the actors into its own actor_system includes
// actors/compose.hpp.

namespace dynamo::actors {

/// What the event plane has to say; called from any thread, must not block.
enum class log_level { debug, info, warn, error };
using log_sink = std::function<void(log_level level, std::string_view text)>;

/// What a publisher is made for.
struct publisher_request {
  scope owner;
  std::string topic;
  /// What the stream is about: an event_source record beside the
  /// event_channel, without which Dynamo's routers do not listen to kv-events.
  /// The publisher fills in its id.
  std::optional<kv_source_metadata> source;
  /// Nothing: those of the plane.
  std::optional<publisher_options> options;
};

/// A way to publish on one topic. Copies share one publisher, which stays
/// until the event plane stops or `close` is called. Thread-safe.
class publisher_handle {
 public:
  /// Takes an event for publishing; never waits. False: the buffer is full and
  /// its policy is drop_newest, or the publisher is closed. With drop_oldest
  /// the newest is always taken. Sequence numbers are given later, when a
  /// message leaves the buffer, and a dropped event takes one too: subscribers
  /// see a gap of exactly its size. A value that is not taken is left as it
  /// was.
  bool publish(event&& value);
  bool publish(const event& value) { return publish(event{value}); }

  /// The events that wait in the buffer, and totals.
  inbox_counts buffered() const;

  /// Withdraws the publisher's records and closes its socket, after what waits
  /// was sent.
  void close();

  struct shared;
  explicit publisher_handle(std::shared_ptr<const shared> state);

 private:
  std::shared_ptr<const shared> state_;
};

/// How the connection to the NATS servers, or to the brokers of ZMQ, is.
struct link_status {
  /// Whether anybody in this process needs it; until then none is made.
  bool is_wanted = false;
  link_state state = link_state::connecting;
  /// The server, or those that were tried; without credentials.
  std::string server;
  /// Why it is not connected; may be empty.
  std::string reason;
  /// Whether something was there at the last attempt that failed.
  bool is_reached = false;
  /// Connections made so far.
  std::uint64_t epoch = 0;
  /// Whether publishers send. False for a while after an outage, too.
  bool is_open = false;
  link_counts counts;
  /// With brokers: how each of them is.
  std::vector<path_status> paths;
};

/// How the process's event plane is.
struct plane_status {
  /// False after stop(), and when a part died for good that all others need.
  bool running = false;
  transport_kind transport = transport_kind::nats;
  discovery_kind discovery = discovery_kind::etcd;
  /// Whether the first picture of discovery is complete.
  bool discovery_synced = false;
  bool discovery_stale = false;
  /// Parts that died and were started again.
  std::uint64_t restarts = 0;
  /// Nothing with direct ZMQ.
  std::optional<link_status> link;
  receiver_counts receiver;
  discovery_counts records;
  std::vector<publisher_status> publishers;
  std::vector<subscription_status> subscriptions;
};

/// Whether the plane can carry events now: it runs, and the connection that it
/// needs is there. An error of errc::unavailable says what is missing and what
/// can be done about it.
status readiness_of(const plane_status& report);

/// One process's event plane: an actor system with its supervision tree.
/// Thread-safe. Callbacks must not call it back synchronously.
class event_plane {
 public:
  /// Builds the tree that the options name. errc::unsupported for a transport
  /// or a discovery backend that this build does not have; the message names
  /// those that it has. A store that is a server is waited for, until
  /// `gives_up` (errc::closed) or its time limit.
  static result<std::unique_ptr<event_plane>>
  start(const plane_options& options, log_sink log, stop_check gives_up = {});

  /// Stops as stop() does.
  ~event_plane();
  event_plane(const event_plane&) = delete;
  event_plane& operator=(const event_plane&) = delete;

  /// The id of this process in discovery: worker id, router id.
  std::uint64_t instance_id() const;

  /// Makes a publisher. It binds and registers in the background; what is
  /// published before that waits in its buffer.
  publisher_handle advertise(const publisher_request& request);

  /// Follows every publisher of a topic within a scope, for as long as the
  /// plane runs.
  void subscribe(const scope& owner, std::string_view topic,
                 stream_consumer consumer);

  /// Keeps a record of this process in discovery: an endpoint, a model.
  status put(const record& value);
  status remove(const record& value);

  /// Reports what stands in a bucket, and what changes, to `on_change`, from
  /// the actor runtime, one call at a time.
  void watch(bucket where,
             std::function<void(const discovery_change&)> on_change);

  /// What discovery holds now.
  result<std::vector<found_record>> list(bucket where);

  /// A picture of the whole plane. Waits for the actors, at most a second for
  /// each; those that do not answer are left out.
  plane_status report() const;

  /// Withdraws all records, sends what is buffered for at most `flush`, and
  /// ends all actors. Later calls do nothing.
  void stop(std::chrono::milliseconds flush = std::chrono::milliseconds{1000});

  struct implementation;

  /// For actors/compose.hpp alone: what CAF sees of it.
  implementation& inside() const { return *parts_; }

 private:
  explicit event_plane(std::unique_ptr<implementation> parts);

  std::unique_ptr<implementation> parts_;
};

} // namespace dynamo::actors
