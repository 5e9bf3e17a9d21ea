#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/message_intake.hpp"
#include "dynamo/transport/nats_handles.hpp"
#include "dynamo/transport/receiver_counters.hpp"
#include "dynamo/transport/transport.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>

namespace dynamo {

/// What cnats keeps for one subscription.
struct nats_feed_limits {
  int messages_max = 0;
  int bytes_max = 0;
};

/// One subscription across the connections that come and go: takes what cnats
/// has received and puts it into the inbox. A thread of its own while there is
/// a connection; one that is joined, because cnats cannot tell when a callback
/// of its own threads is not running any more.
///
/// open(), drain(), wait_drained() and close() belong to the link's thread,
/// the rest may be called from any.
class nats_feed {
 public:
  using shared_subscription = std::shared_ptr<natsSubscription>;

  /// `counters` must outlive it.
  nats_feed(subscription target, receiver_counters& counters);

  /// Closes. The link's thread.
  ~nats_feed();
  nats_feed(const nats_feed&) = delete;
  nats_feed& operator=(const nats_feed&) = delete;

  /// Begins to receive on a connection, which must outlive the next close().
  status open(natsConnection& connection, const nats_feed_limits& limits);

  /// Ends the interest; what has arrived is still delivered, for a time.
  void drain(std::chrono::milliseconds longest);

  /// Waits until all was delivered, but not beyond the deadline.
  void wait_drained(std::chrono::steady_clock::time_point deadline);

  /// Ends receiving and joins the thread. No effect when it is not open.
  /// Returns what has to be kept until the connection has ended: cnats (3.4)
  /// looks a subscription up for a message that arrives and then uses it
  /// without holding it, so that one which is freed meanwhile would be used
  /// after its end.
  shared_subscription close();

  /// After it returned, nothing is delivered and `wake` is not called. Waits
  /// for a `wake` that is running.
  void detach();

  /// Counts what cnats has dropped since the last look.
  void count_dropped();

 private:
  void run(natsSubscription& from, const nats_feed_limits& limits);
  void take(const natsMsg& message);

  receiver_counters& counters_;
  const std::shared_ptr<const stream_name> name_;
  const std::shared_ptr<message_inbox> inbox_;
  std::thread thread_;

  /// Held for the whole of a delivery, and then only by it.
  mutex delivery_;
  /// Gone when detached.
  std::unique_ptr<message_intake> intake_ DYNAMO_GUARDED_BY(delivery_);

  mutex mutex_;
  condition changed_;
  bool has_ended_ DYNAMO_GUARDED_BY(mutex_) = true;
  shared_subscription from_ DYNAMO_GUARDED_BY(mutex_);
  std::int64_t dropped_ DYNAMO_GUARDED_BY(mutex_) = 0;
};

} // namespace dynamo
