#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/link_outbox.hpp"
#include "dynamo/transport/nats_dialer.hpp"
#include "dynamo/transport/nats_feed_set.hpp"
#include "dynamo/transport/nats_line.hpp"
#include "dynamo/transport/nats_link.hpp"
#include "dynamo/transport/nats_settings.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace dynamo {

/// The link: members leave what is wanted to one thread, which owns the
/// connection.
class nats_client final : public shared_link {
 public:
  /// Starts the thread, which inherits the caller's mask of signals. errc::io
  /// when the system gives none.
  static result<std::unique_ptr<shared_link>>
  start(std::shared_ptr<const nats_settings> settings);

  /// Closes and joins the thread. An attempt at one server that has begun is
  /// waited for, at most twice the connect timeout.
  ~nats_client() override;
  nats_client(const nats_client&) = delete;
  nats_client& operator=(const nats_client&) = delete;

  void report_to(std::shared_ptr<link_inbox> reports,
                 std::function<void()> wake) override;
  void connect() override;
  void publish(link_batch batch) override;
  /// Also errc::closed after close().
  status subscribe(subscription wanted) override;
  void unsubscribe(subscription_id id) override;
  receiver_counts received() const override { return feeds_.counts(); }
  link_counts counts() const override;
  void close() override;

 private:
  enum class turn { attempt, serve, offer, end };

  /// What went wrong during one attempt.
  struct setbacks {
    std::vector<std::string> reasons;
    bool is_refusal = false;
    bool is_reached = false;
  };

  explicit nats_client(std::shared_ptr<const nats_settings> settings);

  status start_thread();
  void ring();
  void run();
  turn await_turn();

  void attempt();
  bool try_server(const nats_server& server, setbacks& so_far);
  status settle_line();
  void announce_connected();
  void announce_failed(const std::vector<nats_server>& tried, setbacks all);

  void serve();
  bool publish_queued();
  void count(std::span<const nats_receipt> receipts);
  void lose(std::string reason);
  void leave_lame_duck();
  std::string hang_up();

  void end();

  link_change change_to(link_state state) const;

  const std::shared_ptr<const nats_settings> settings_;
  const system_clock clock_;
  nats_feed_set feeds_;
  std::atomic<bool> stopping_{false};

  // Of the link's thread.
  nats_dialer dialer_;
  nats_server_pool pool_;
  std::unique_ptr<nats_line> line_;
  link_outbox outbox_;

  mutable mutex mutex_;
  mutable condition changed_;
  bool is_attempting_ DYNAMO_GUARDED_BY(mutex_) = false;
  bool is_connected_ DYNAMO_GUARDED_BY(mutex_) = false;
  /// Something was said by cnats, or the subscriptions changed.
  bool is_rung_ DYNAMO_GUARDED_BY(mutex_) = false;
  bool has_ended_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::uint64_t epoch_ DYNAMO_GUARDED_BY(mutex_) = 0;
  /// Bounded by the publishers, which leave few batches unanswered.
  std::vector<link_batch> queue_ DYNAMO_GUARDED_BY(mutex_);
  link_counts counts_ DYNAMO_GUARDED_BY(mutex_);

  std::thread thread_;
};

} // namespace dynamo
