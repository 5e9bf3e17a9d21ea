#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/nats_feed.hpp"
#include "dynamo/transport/receiver_counters.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <vector>

namespace dynamo {

/// All subscriptions of a link. add(), remove() and counts() may be called
/// from any thread, the rest belongs to the link's.
class nats_feed_set {
 public:
  /// errc::exists for an id that is taken.
  status add(subscription wanted);

  /// After it returned, `wake` of the subscription is not called again.
  void remove(subscription_id id);

  receiver_counts counts() const { return counters_.picture(); }

  /// Makes all subscriptions on a new connection.
  status open_all(natsConnection& connection);

  /// Makes those on the connection that were added since, and ends those that
  /// were removed.
  status update(natsConnection& connection);

  /// Ends those that were removed.
  void close_removed();

  /// Delivers what has come for all of them.
  void take_all();

  /// Ends the interest in all; what has arrived can still be taken, for a time.
  void drain_all(std::chrono::milliseconds longest);

  /// Whether nothing comes any more after drain_all().
  bool is_drained() const;

  /// Ends receiving; the subscriptions stay for the next connection. The
  /// present one has ended.
  void close_all();

  /// Ends the subscriptions.
  void forget_all();

 private:
  using shared_feed = std::shared_ptr<nats_feed>;

  status open(const std::map<subscription_id, shared_feed>& feeds,
              natsConnection& connection);

  receiver_counters counters_;
  /// Those on the present connection. The link's thread alone.
  std::vector<shared_feed> open_;

  mutable mutex mutex_;
  std::map<subscription_id, shared_feed> feeds_ DYNAMO_GUARDED_BY(mutex_);
  /// Not known to the present connection yet.
  std::map<subscription_id, shared_feed> fresh_ DYNAMO_GUARDED_BY(mutex_);
  /// To be closed by the link's thread.
  std::vector<shared_feed> removed_ DYNAMO_GUARDED_BY(mutex_);
};

} // namespace dynamo
