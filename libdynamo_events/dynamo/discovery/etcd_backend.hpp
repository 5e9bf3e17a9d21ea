#pragma once

#include "dynamo/discovery/change_feed.hpp"
#include "dynamo/discovery/etcd_client.hpp"
#include "dynamo/discovery/etcd_keeper.hpp"
#include "dynamo/discovery/etcd_lease.hpp"
#include "dynamo/discovery/etcd_view.hpp"
#include "dynamo/discovery/etcd_watch.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace dynamo {

/// Everything that etcd_backend is told.
struct etcd_backend_plan {
  etcd_access access;
  std::chrono::milliseconds lease_ttl{30'000};
  etcd_watch_times times;
  etcd_timing timing;
  notice_sink notice;
};

/// The etcd discovery without its thread: it begins what it is asked for, and
/// goes on in `turn` and `run`. One thread at a time.
class etcd_backend {
 public:
  using clock_time = etcd_client::clock_time;
  using list_sink = std::function<void(result<std::vector<found_record>>)>;

  explicit etcd_backend(etcd_backend_plan plan);
  etcd_backend(const etcd_backend&) = delete;
  etcd_backend& operator=(const etcd_backend&) = delete;

  /// As the members of `discovery`; each sink is called once, within the time
  /// that callers may have to wait.
  void advertise(const record& value, clock_time now,
                 etcd_keeper::done_sink done) {
    keeper_.advertise(value, now, std::move(done));
  }
  void withdraw(const record& value, clock_time now,
                etcd_keeper::done_sink done) {
    keeper_.withdraw(value, now, std::move(done));
  }
  void list(bucket where, clock_time now, list_sink done);
  void watch(change_feed feed);
  discovery_counts counts() const;

  /// The id of the first lease, 0 before there is one.
  std::uint64_t instance_id() const {
    return static_cast<std::uint64_t>(lease_.first_id());
  }
  /// Why waiting for that lease is in vain: nobody takes us as who we say we
  /// are. Empty while there is hope.
  std::string refusal() const;
  /// Every endpoint that failed, and why.
  std::string failures() const { return client_.failures(); }

  /// Ends the lease, and with it the records; until it is over, or `deadline`.
  void close(int wake_fd, clock_time deadline);

  void turn(clock_time now);
  /// When the next turn is due, unless something is said before.
  clock_time due() const;
  void run(int wake_fd, std::chrono::milliseconds timeout) {
    client_.run(wake_fd, timeout);
  }

 private:
  /// A bucket that this process looks at.
  struct room {
    room(bucket where, const notice_sink& notice)
        : view(where, notice) {}
    etcd_view view;
    std::unique_ptr<etcd_watch> watch;
  };
  struct waiting_list {
    list_sink done;
    clock_time deadline;
    bucket where = bucket::event_channels;
    bool asked = false;
  };

  room& open(bucket where);
  void serve_lists(clock_time now);
  void answer_list(std::uint64_t id, result<etcd_snapshot> listed);
  void check_own(clock_time now);
  void tell();

  const etcd_timing timing_;
  const etcd_watch_times times_;
  const notice_sink notice_;
  etcd_client client_;
  etcd_lease lease_;
  etcd_keeper keeper_;
  std::map<bucket, std::unique_ptr<room>> rooms_;
  std::vector<change_feed> feeds_;
  std::map<std::uint64_t, waiting_list> lists_;
  std::uint64_t next_list_ = 1;
  std::mt19937_64 random_;
  clock_time check_at_;
};

} // namespace dynamo
