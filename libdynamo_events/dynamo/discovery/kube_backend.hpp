#pragma once

#include "dynamo/discovery/change_feed.hpp"
#include "dynamo/discovery/kube_http.hpp"
#include "dynamo/discovery/kube_keeper.hpp"
#include "dynamo/discovery/kube_reflector.hpp"
#include "dynamo/discovery/kube_view.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dynamo {

/// Everything that kube_backend is told.
struct kube_backend_plan {
  kube_access access;
  kube_http_limits limits;
  /// The namespace of Kubernetes.
  std::string ns;
  kube_mode mode = kube_mode::pod;
  std::string main_container;
  /// Nothing for a process that only reads.
  std::optional<kube_identity> who;
  std::string field_manager;
  std::chrono::milliseconds relist{300'000};
  kube_timing timing;
  notice_sink notice;
};

/// The Kubernetes discovery without its thread: it begins what it is asked for,
/// and goes on in `turn` and `run`. One thread at a time.
class kube_backend {
 public:
  using clock_time = std::chrono::steady_clock::time_point;
  using list_sink = std::function<void(result<std::vector<found_record>>)>;

  explicit kube_backend(kube_backend_plan plan);
  kube_backend(const kube_backend&) = delete;
  kube_backend& operator=(const kube_backend&) = delete;

  /// As the members of `discovery`; each sink is called once, within the time
  /// that callers may have to wait.
  void advertise(const record& value, clock_time now, outcome_sink done);
  void withdraw(const record& value, clock_time now, outcome_sink done);
  void list(bucket where, clock_time now, list_sink done);
  void watch(change_feed feed) { feeds_.push_back(std::move(feed)); }
  discovery_counts counts() const;

  std::uint64_t instance_id() const { return instance_id_; }
  /// All objects and all that says who is ready were seen.
  bool is_synced() const { return objects_.is_synced() && ready_.is_synced(); }
  /// Why not, after the last attempts.
  std::string failures() const;

  /// Takes our records away; until that is over, or `deadline`.
  void close(int wake_fd, clock_time deadline);

  void turn(clock_time now);
  clock_time due() const;
  void run(int wake_fd, std::chrono::milliseconds timeout) {
    http_.run(wake_fd, timeout);
  }

 private:
  struct waiting_list {
    bucket where = bucket::event_channels;
    clock_time deadline;
    list_sink done;
  };

  kube_collection_sink objects_sink();
  kube_collection_sink ready_sink(kube_mode mode, std::string main_container);
  std::string outage() const;
  void serve_lists(clock_time now);
  std::vector<found_record> records_of(bucket where) const;
  void tell();

  const kube_timing timing_;
  const notice_sink notice_;
  const std::uint64_t instance_id_;
  const std::string own_object_;
  kube_http http_;
  kube_view view_;
  kube_reflector objects_;
  kube_reflector ready_;
  std::optional<kube_keeper> keeper_;
  std::vector<change_feed> feeds_;
  std::vector<waiting_list> lists_;
};

} // namespace dynamo
