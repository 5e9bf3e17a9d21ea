#pragma once

#include "dynamo/base/backoff.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/kube_http.hpp"
#include "dynamo/discovery/kube_messages.hpp"
#include "dynamo/discovery/kube_timing.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dynamo {

/// The object that holds this process's records. All of it is applied each time
/// that one of them comes or goes, and again when others changed or deleted it.
/// One thread at a time.
class kube_keeper {
 public:
  using clock_time = std::chrono::steady_clock::time_point;

  /// The references outlive this object.
  struct parts {
    kube_http& http;
    const kube_timing& timing;
    const notice_sink& notice;
  };
  struct plan {
    kube_identity who;
    /// "/apis/nvidia.com/v1alpha1/namespaces/dynamo/dynamoworkermetadatas"
    std::string path;
    std::string field_manager;
  };

  kube_keeper(const parts& around, plan order);

  /// As discovery::advertise and discovery::withdraw; `done` is called once,
  /// within `answer` of the timing. What could not be stored or removed by then
  /// is as soon as the server allows it.
  void advertise(const record& value, clock_time now, outcome_sink done);
  void withdraw(const record& value, clock_time now, outcome_sink done);

  /// What a list or a watch says of our object.
  void seen(const kube_object& object);
  /// It seems to be gone: the server is asked.
  void missed();

  void turn(clock_time now);
  clock_time due() const;

  /// Begins to take our records out of the object; `is_idle` tells when that is
  /// over.
  void close();
  bool is_idle() const { return request_ == 0; }

  std::uint64_t owned() const;
  std::uint64_t republished() const { return republished_; }
  const std::string& failure() const { return failure_; }

 private:
  struct waiter {
    outcome_sink done;
    clock_time deadline;
    /// The change that has to be stored.
    std::uint64_t change = 0;
  };

  void wait_for_change(clock_time now, outcome_sink done);
  void check();
  void look();
  void on_looked(const kube_answer& answer);
  void remove_stale(const kube_object& object);
  void apply();
  void on_applied(std::uint64_t change, const kube_answer& answer);
  void on_checked(const kube_answer& answer);
  void fail(const std::string& what, const kube_answer& answer);
  void lose(const std::string& reason);
  void tell(const std::function<bool(const waiter&)>& which,
            const status& outcome);
  std::string object_path() const;

  parts around_;
  const plan plan_;
  kube_records records_;
  /// Numbers the states of `records_`, and which of them is stored.
  std::uint64_t change_ = 0;
  std::uint64_t stored_change_ = 0;
  /// An earlier incarnation's object is not in the way any more.
  bool has_looked_ = false;
  /// As the server returned it with our last apply.
  std::optional<kube_object> stored_;
  std::uint64_t request_ = 0;
  backoff delay_;
  /// Between writing again what others have changed.
  backoff rewrite_delay_;
  clock_time rewritten_at_;
  bool is_doubted_ = false;
  clock_time retry_at_;
  std::string failure_;
  std::string told_;
  std::vector<waiter> waiters_;
  std::uint64_t republished_ = 0;
};

} // namespace dynamo
