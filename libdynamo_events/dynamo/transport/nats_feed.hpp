#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/message_intake.hpp"
#include "dynamo/transport/nats_polled_subscription.hpp"
#include "dynamo/transport/receiver_counters.hpp"
#include "dynamo/transport/transport.hpp"

#include <chrono>
#include <memory>

namespace dynamo {

/// One subscription across the connections that come and go: takes what cnats
/// has received and puts it into the inbox. Belongs to the link's thread, but
/// for detach().
class nats_feed {
 public:
  /// `counters` must outlive it.
  nats_feed(subscription target, receiver_counters& counters);
  nats_feed(const nats_feed&) = delete;
  nats_feed& operator=(const nats_feed&) = delete;

  /// Begins to receive on a connection, which must outlive the next close().
  status open(natsConnection& connection);

  /// Delivers what has come since the last call.
  void take();

  /// Ends the interest; what has arrived can still be taken, for a time.
  void drain(std::chrono::milliseconds longest) { from_.drain(longest); }

  /// Whether nothing comes any more after drain().
  bool is_drained() const { return from_.is_drained(); }

  /// Ends receiving. No effect when it is not open.
  void close() { from_.close(); }

  /// By any thread. After it returned, nothing is delivered and `wake` is not
  /// called. Waits for a delivery that is under way.
  void detach();

 private:
  void look_at(const natsMsg& message, message_intake* intake);

  receiver_counters& counters_;
  const std::shared_ptr<const stream_name> name_;
  nats_polled_subscription from_;

  /// Held for the whole of a delivery, and then only by it.
  mutex delivery_;
  /// Gone when detached.
  std::unique_ptr<message_intake> intake_ DYNAMO_GUARDED_BY(delivery_);
};

} // namespace dynamo
