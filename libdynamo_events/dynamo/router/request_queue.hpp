#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dynamo {

/// What decides when a parked request goes on.
struct queue_key {
  /// Higher ones always go first.
  std::uint32_t strict_priority = 0;
  /// Only for wspt.
  double priority = 0;
  /// Prompt tokens that no rank holds; only for wspt.
  std::uint64_t uncached_tokens = 0;
};

/// Totals since construction. Refused ones were never parked; every other one
/// waits or ended in one of the three ways.
struct queue_counts {
  std::uint64_t parked = 0;
  std::uint64_t released = 0;
  std::uint64_t refused = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t cancelled = 0;
};

/// The ids of requests that wait for capacity. What they are is kept by the
/// owner. Higher strict priorities go first; among equal ones the policy
/// decides:
///
///   fcfs  the one that was parked first
///   lcfs  the one that was parked last
///   wspt  the highest (1 + priority) / max(1, uncached_tokens), of equal ones
///         the one that was parked first
///
/// Every call takes O(log n) at most, for each request that it takes off.
class request_queue {
 public:
  explicit request_queue(const queue_options& options);

  request_queue(const request_queue&) = delete;
  request_queue& operator=(const request_queue&) = delete;
  request_queue(request_queue&&) = default;
  request_queue& operator=(request_queue&&) = default;

  /// False when the queue is full or the id waits already.
  bool park(std::string request_id, const queue_key& key,
            clock::time_point now);

  /// The request that goes on next; nothing when none waits. The view is valid
  /// until that request is taken off.
  std::optional<std::string_view> next() const;
  /// Takes that one off, if there is one.
  void release_next();

  /// False: it does not wait here.
  bool cancel(std::string_view request_id);

  /// Takes off those that have waited for wait_max, longest first.
  std::vector<std::string> take_timed_out(clock::time_point now);
  /// When the next one will have; nothing when none waits.
  std::optional<clock::time_point> next_timeout() const;

  bool contains(std::string_view request_id) const;
  std::size_t size() const { return waiting_.size(); }
  const queue_counts& counts() const { return counts_; }

 private:
  /// Less: goes on earlier.
  struct turn {
    std::uint32_t strict_priority = 0;
    double weight = 0;
    std::int64_t order = 0;

    bool operator<(const turn& other) const;
  };

  struct waiting_request {
    std::string id;
    turn place;
    clock::time_point since;
  };
  /// In the order of parking, which is that of the time-outs, too.
  using waiting_list = std::list<waiting_request>;

  struct seat {
    turn place;
    waiting_list::iterator request;

    bool operator<(const seat& other) const { return place < other.place; }
  };

  turn turn_of(const queue_key& key);
  void take_off(waiting_list::iterator at);

  queue_options options_;
  waiting_list waiting_;
  std::set<seat> seats_;
  /// The keys point into the requests.
  std::unordered_map<std::string_view, waiting_list::iterator> by_id_;
  std::int64_t arrivals_ = 0;
  queue_counts counts_;
};

} // namespace dynamo
