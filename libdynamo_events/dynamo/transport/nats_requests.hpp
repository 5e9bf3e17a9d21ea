#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/doorbell.hpp"
#include "dynamo/transport/nats_line.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace dynamo {

/// What other threads want of the link's, which sleeps at the socket of its
/// connection until there is something; and what they may know of the
/// connection.
class nats_requests {
 public:
  explicit nats_requests(std::unique_ptr<doorbell> bell)
      : bell_(std::move(bell)) {}

  // -- By any thread

  /// Asks for an attempt to connect. No effect while there is a connection.
  void want_attempt();

  /// Sends a small batch, or leaves it to the link's thread, which gathers
  /// those that come quickly; drops it when it is for another connection than
  /// the present one.
  void publish(link_batch batch);

  /// Subscriptions have changed: what is published from now on comes behind.
  void on_subscriptions_changed();

  /// There is something to look at. Takes no lock.
  void ring();

  /// Asks for the end, and waits for it.
  void stop();
  bool is_stopping() const { return stopping_; }

  link_counts counts() const;

  /// The number of the present connection, or of the last one.
  std::uint64_t epoch() const;

  // -- By the link's thread

  /// Waits for one of the above, for the time, or for a socket (negative: none)
  /// that has something to be read, or room for what is to be written. Returns
  /// whether there is something to be read.
  bool await(clock::time_point until, int descriptor, bool has_to_write);

  bool is_attempt_wanted() const;

  /// What was left, to be placed, behind changed subscriptions, before placed()
  /// is called.
  std::vector<link_batch> take_batches();
  void placed();

  /// An attempt has ended. Batches are sent on `line` by those who publish;
  /// null: they are all left.
  void on_connected(std::shared_ptr<nats_line> line);
  void on_failed();

  /// Nothing more is taken for the present connection.
  void refuse_batches();
  /// It is over. A loss, unless refuse_batches() was called.
  void on_disconnected();

  void count_sent(std::uint64_t messages, std::uint64_t bytes);
  void count_refused(std::uint64_t too_large, std::uint64_t forbidden);

  /// Last of all.
  void on_end();

 private:
  bool place(const link_batch& batch, clock::time_point now)
      DYNAMO_REQUIRES(mutex_);

  const std::unique_ptr<doorbell> bell_;
  /// Something was left since the thread last began to wait.
  std::atomic<bool> has_news_{false};
  /// The thread waits, until the bell rings at the latest.
  std::atomic<bool> is_asleep_{false};
  std::atomic<bool> stopping_{false};

  mutable mutex mutex_;
  condition ended_;
  bool is_attempting_ DYNAMO_GUARDED_BY(mutex_) = false;
  bool is_connected_ DYNAMO_GUARDED_BY(mutex_) = false;
  bool has_ended_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::uint64_t epoch_ DYNAMO_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<nats_line> line_ DYNAMO_GUARDED_BY(mutex_);
  clock::time_point written_at_ DYNAMO_GUARDED_BY(mutex_){};
  /// Bounded by the publishers, which leave few batches unanswered.
  std::vector<link_batch> batches_ DYNAMO_GUARDED_BY(mutex_);
  bool are_subscriptions_changed_ DYNAMO_GUARDED_BY(mutex_) = false;
  /// The thread has taken these, and others must not overtake them.
  bool is_placing_ DYNAMO_GUARDED_BY(mutex_) = false;
  link_counts counts_ DYNAMO_GUARDED_BY(mutex_);
};

} // namespace dynamo
