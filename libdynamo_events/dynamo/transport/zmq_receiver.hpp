#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/base/mutex.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/transport/doorbell.hpp"
#include "dynamo/transport/receiver_counters.hpp"
#include "dynamo/transport/subscription_watch.hpp"
#include "dynamo/transport/transport.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace zmq {
class context_t;
}

namespace dynamo {

class zmq_socket_set;

/// The one thread that owns the SUB sockets of a process, and sleeps for the
/// sockets of its senders too. Thread-safe: members
/// check what they are given and leave it to the thread.
class zmq_receiver final : public receiver {
 public:
  /// Starts the thread. The references must outlive the receiver. errc::io
  /// when the system gives no descriptor or thread.
  static result<std::unique_ptr<zmq_receiver>>
  start(zmq::context_t& sockets, const zmq_options& options);

  /// Closes all sockets and joins the thread.
  ~zmq_receiver() override;
  zmq_receiver(const zmq_receiver&) = delete;
  zmq_receiver& operator=(const zmq_receiver&) = delete;

  /// errc::exists for an id that is in use, errc::closed when the thread is
  /// gone.
  status subscribe(subscription wanted) override;
  void unsubscribe(subscription_id id) override;
  /// errc::invalid for an endpoint that is not tcp://<IP address>:<port>,
  /// errc::not_found for an unknown subscription, errc::unavailable when too
  /// many connections wait to be made, errc::closed as above.
  status connect(subscription_id id, const peer& remote) override;
  void disconnect(subscription_id id, std::uint64_t publisher_id) override;
  receiver_counts counts() const override { return counters_.picture(); }

  void report_to(std::shared_ptr<connection_inbox> changes,
                 std::function<void()> wake);

  /// The sockets of senders whose subscriptions are told of by that `wake`.
  subscription_watch& senders() { return *senders_; }

 private:
  using command = std::function<void(zmq_socket_set&, clock::time_point)>;

  zmq_receiver(zmq::context_t& sockets, const zmq_options& options,
               std::unique_ptr<doorbell> bell,
               std::unique_ptr<subscription_watch> senders);

  status start_thread();
  void run();
  void serve(zmq_socket_set& sockets);
  void apply_commands(zmq_socket_set& sockets);
  bool is_stopping();
  void issue(command what) DYNAMO_REQUIRES(mutex_);

  zmq::context_t& sockets_;
  const zmq_options& options_;
  const std::unique_ptr<doorbell> bell_;
  const std::unique_ptr<subscription_watch> senders_;
  const system_clock clock_;
  receiver_counters counters_;

  mutex mutex_;
  condition applied_some_;
  std::vector<command> commands_ DYNAMO_GUARDED_BY(mutex_);
  std::set<subscription_id> known_ DYNAMO_GUARDED_BY(mutex_);
  std::uint64_t issued_ DYNAMO_GUARDED_BY(mutex_) = 0;
  std::uint64_t applied_ DYNAMO_GUARDED_BY(mutex_) = 0;
  bool stopping_ DYNAMO_GUARDED_BY(mutex_) = false;
  /// The thread has closed its sockets and calls nobody any more.
  bool ended_ DYNAMO_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

} // namespace dynamo
