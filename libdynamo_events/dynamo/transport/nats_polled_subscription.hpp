#pragma once

#include "dynamo/transport/nats_handles.hpp"

#include <nats/nats.h>

#include <chrono>
#include <string>

namespace dynamo {

/// A subscription of cnats on a connection that is polled: what a read of the
/// socket has brought waits here until it is taken. Belongs to the thread that
/// polls.
class nats_polled_subscription {
 public:
  /// Begins to receive on a connection, which must outlive the next close().
  natsStatus open(natsConnection& connection, const std::string& subject);

  /// Ends receiving. No effect when it is not open.
  void close();

  bool has_some() const { return count() > 0; }

  /// Calls `sink(status, message)` for each that waits: NATS_OK, or
  /// NATS_NO_RESPONDERS without a message.
  template <class Sink>
  void take(Sink sink) {
    for (int left = count(); left > 0; --left) {
      natsMsg* raw = nullptr;
      const natsStatus came = natsSubscription_NextMsg(&raw, from_.get(), 0);
      const nats_message_handle message{raw};
      sink(came, raw);
    }
  }

  /// Ends the interest; what has arrived can still be taken, for a time.
  void drain(std::chrono::milliseconds longest);

  /// Whether nothing comes any more after drain().
  bool is_drained() const;

 private:
  int count() const;

  nats_subscription_handle from_;
};

} // namespace dynamo
