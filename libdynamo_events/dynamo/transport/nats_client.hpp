#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/transport/link_outbox.hpp"
#include "dynamo/transport/nats_dialer.hpp"
#include "dynamo/transport/nats_feed_set.hpp"
#include "dynamo/transport/nats_line.hpp"
#include "dynamo/transport/nats_link.hpp"
#include "dynamo/transport/nats_requests.hpp"
#include "dynamo/transport/nats_settings.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace dynamo {

/// The link: members leave what is wanted to one thread, which polls the
/// connection and does all that is sent and received on it.
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
  void connect() override { requests_.want_attempt(); }
  void publish(link_batch batch) override;
  /// Also errc::closed after close().
  status subscribe(subscription wanted) override;
  void unsubscribe(subscription_id id) override;
  receiver_counts received() const override { return feeds_.counts(); }
  link_counts counts() const override { return requests_.counts(); }
  void close() override;

 private:
  /// What went wrong during one attempt.
  struct setbacks {
    std::vector<std::string> reasons;
    bool is_refusal = false;
    bool is_reached = false;
  };

  nats_client(std::shared_ptr<const nats_settings> settings,
              std::unique_ptr<doorbell> bell);

  status start_thread();
  void run();
  void await(clock::time_point until);
  clock::time_point due() const;

  void attempt();
  bool try_server(const nats_server& server, setbacks& so_far);
  status settle_line();
  void announce_connected();
  void announce_failed(const std::vector<nats_server>& tried, setbacks all);

  void serve();
  status carry();
  status carry_until(const std::function<bool()>& is_done,
                     std::chrono::milliseconds longest);
  status place(const std::vector<link_batch>& batches);
  void report_answers();
  void drain();
  void lose(std::string reason);
  void leave_lame_duck();
  std::string hang_up();

  void end();

  link_change change_to(link_state state) const;

  const std::shared_ptr<const nats_settings> settings_;
  nats_requests requests_;
  nats_feed_set feeds_;

  // Of the link's thread.
  const system_clock clock_;
  nats_dialer dialer_;
  nats_server_pool pool_;
  std::shared_ptr<nats_line> line_;
  /// There is something to be read from it.
  bool is_readable_ = false;
  link_outbox outbox_;

  std::thread thread_;
};

} // namespace dynamo
