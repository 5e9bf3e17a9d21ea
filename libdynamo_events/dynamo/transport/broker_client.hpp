#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/broker_intakes.hpp"
#include "dynamo/transport/broker_link.hpp"
#include "dynamo/transport/broker_paths.hpp"
#include "dynamo/transport/doorbell.hpp"
#include "dynamo/transport/link_outbox.hpp"
#include "dynamo/transport/path_merge.hpp"
#include "dynamo/transport/receiver_counters.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace dynamo {

/// The link: members leave what is wanted to one thread, which owns all
/// sockets.
class broker_client final : public broker_link {
 public:
  static result<std::unique_ptr<broker_link>> start(const zmq_options& options,
                                                    broker_endpoints brokers);

  ~broker_client() override;
  broker_client(const broker_client&) = delete;
  broker_client& operator=(const broker_client&) = delete;

  void report_to(std::shared_ptr<link_inbox> reports,
                 std::function<void()> wake) override;
  void connect() override;
  void publish(link_batch batch) override;
  status subscribe(subscription wanted) override;
  void unsubscribe(subscription_id id) override;
  receiver_counts received() const override { return counters_.picture(); }
  link_counts counts() const override;
  std::vector<path_status> paths() const override;
  void close() override;
  void use(broker_endpoints brokers) override;

 private:
  using time_point = clock::time_point;

  /// What other threads want; taken by the link's at each turn.
  struct wishes {
    bool connect = false;
    bool stop = false;
    std::optional<broker_endpoints> brokers;
    std::deque<link_batch> batches;
  };

  broker_client(const zmq_options& options, broker_endpoints brokers,
                std::unique_ptr<doorbell> bell);

  status start_thread();
  void run();
  std::chrono::milliseconds patience(time_point now) const;
  void take_wishes(time_point now);

  void update_paths(time_point now);
  void judge(time_point now);
  void report(link_state state, std::string server, std::string reason);

  void read_paths(time_point now);
  void take(const broker_downlink& from, broker_downlink::part_views parts,
            time_point now);

  void publish_queued();
  bool publish_one(link_batch& batch);
  void publish_picture();
  void end();

  const zmq_options options_;
  const system_clock clock_;
  receiver_counters counters_;
  broker_intakes intakes_{counters_};
  link_outbox outbox_;

  // Of the link's thread.
  broker_paths paths_;
  broker_endpoints brokers_;
  path_merge merge_;
  bool is_wanted_ = false;
  bool is_connected_ = false;
  bool has_more_ = false;
  bool is_stalled_ = false;
  std::optional<time_point> attempt_ends_;
  std::deque<link_batch> batches_;
  /// Of the first batch.
  std::size_t batch_at_ = 0;
  link_outcome outcome_;

  mutable mutex mutex_;
  condition ended_some_;
  std::unique_ptr<doorbell> bell_;
  wishes wishes_ DYNAMO_GUARDED_BY(mutex_);
  bool has_ended_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::uint64_t epoch_ DYNAMO_GUARDED_BY(mutex_) = 0;
  link_counts totals_ DYNAMO_GUARDED_BY(mutex_);
  std::vector<path_status> picture_ DYNAMO_GUARDED_BY(mutex_);

  std::thread thread_;
};

} // namespace dynamo
