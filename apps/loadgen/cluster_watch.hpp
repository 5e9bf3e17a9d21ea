#pragma once

#include "apps/loadgen/accounting.hpp"
#include "apps/loadgen/cluster_client.hpp"
#include "dynamo/base/mutex.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace dynamo::apps {

/// Waits so long, or until the program should stop; true when it should.
using stop_wait = std::function<bool(std::chrono::milliseconds)>;

/// Follows who serves, and asks everybody about their streams, every 200 ms
/// on a thread of its own. Thread-safe.
class cluster_watch {
 public:
  using rank_list = std::shared_ptr<const std::vector<worker_rank>>;

  explicit cluster_watch(cluster_client& cluster);
  ~cluster_watch();
  cluster_watch(const cluster_watch&) = delete;
  cluster_watch& operator=(const cluster_watch&) = delete;

  /// The ranks that can take requests now; never null.
  rank_list ranks() const;

  /// Waits for the first rank; errc::unavailable with the router's last
  /// failure when there is none by then, errc::closed when asked to stop.
  status wait_for_ranks(std::chrono::milliseconds timeout,
                        const stop_wait& stopped) const;

  /// Ends the thread, waits at most so long until every event is accounted
  /// for, and returns what is known then. To be called once.
  std::vector<stream_account> settle(std::chrono::milliseconds timeout);

 private:
  void watch();
  void end();
  void ask_members();
  void ask_streams();

  cluster_client& cluster_;
  mutable mutex mutex_;
  condition changed_;
  bool ended_ DYNAMO_GUARDED_BY(mutex_) = false;
  rank_list ranks_ DYNAMO_GUARDED_BY(mutex_);
  status last_answer_ DYNAMO_GUARDED_BY(mutex_);
  /// These belong to the thread, and after it to settle().
  std::set<std::string> listed_;
  std::set<std::string> answering_;
  stream_ledger ledger_;
  std::thread thread_;
};

} // namespace dynamo::apps
