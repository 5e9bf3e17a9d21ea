#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/nats_handles.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace dynamo {

/// What the library's own threads say about a connection. Must outlive it.
/// Thread-safe.
class nats_signals {
 public:
  /// `ring` is called from threads of cnats when something was said.
  explicit nats_signals(std::function<void()> ring)
      : ring_(std::move(ring)) {}
  nats_signals(const nats_signals&) = delete;
  nats_signals& operator=(const nats_signals&) = delete;

  /// Directs the callbacks of connections made with these options here.
  natsStatus attach(natsOptions& options);

  /// Whether a connection is over, by its own doing or by ours.
  bool is_closed(const natsConnection& connection) const;

  /// Whether its server asked to be left.
  bool is_lame_duck(const natsConnection& connection) const;

  /// What the server did not permit so far; may be empty.
  std::string refusals(const natsConnection& connection) const;

  /// Waits until the last callback of a connection has been made, which cnats
  /// makes after every close, forgets the connection, and tells why it closed.
  std::string await_end(const natsConnection& connection);

  /// Calls `ring`.
  void ring();

  /// After it returned, `ring` is not called again.
  void silence();

 private:
  struct record {
    bool is_closed = false;
    /// Nothing is called for it any more.
    bool is_over = false;
    bool is_lame_duck = false;
    std::string reason;
    std::string refusals;
  };

  static void on_closed(natsConnection* connection, void* closure);
  static void on_lame_duck(natsConnection* connection, void* closure);
  static void on_error(natsConnection* connection, natsSubscription*,
                       natsStatus failed, void* closure);

  void note(const natsConnection* connection,
            const std::function<void(record&)>& change);
  record look(const natsConnection& connection) const;

  /// Held while `ring` is called, which may take locks of its own.
  mutex ring_mutex_;
  std::function<void()> ring_ DYNAMO_GUARDED_BY(ring_mutex_);
  mutable mutex mutex_;
  condition noted_;
  std::map<const natsConnection*, record> records_ DYNAMO_GUARDED_BY(mutex_);
};

} // namespace dynamo
