#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/events/envelope.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dynamo {

/// Settings of a path_merge.
struct path_merge_limits {
  /// How long a message waits for those before it, when another path may still
  /// bring them.
  std::chrono::milliseconds gap_wait{1000};
  /// Messages and bytes that wait, of all publishers; with more the oldest gap
  /// is given up.
  std::size_t held_messages_max = 65'536;
  std::size_t held_bytes_max = 64 * 1024 * 1024;
  /// Publishers that are known at a time; the longest silent are forgotten.
  std::size_t publishers_max = 16'384;
};

/// Totals of one path_merge.
struct path_merge_counts {
  /// Messages that had come by another path.
  std::uint64_t duplicates = 0;
  /// Messages that came after they had been given up, or that were sent before
  /// the first that was seen of their publisher.
  std::uint64_t late = 0;
  /// Messages that were missing on one path and came by another.
  std::uint64_t recovered = 0;
  /// Messages that no path brought in time: readers see a gap.
  std::uint64_t missing = 0;
};

/// Makes one stream of each publisher of what comes by several paths, of which
/// each keeps the publisher's order but may lose messages: every message once,
/// in order. A message is held back only while one before it is missing and may
/// still come: by a path that is up and has not passed it.
///
/// Exact: of a publisher that is known, what has been delivered is told from
/// what has not by its number alone. Pure.
class path_merge {
 public:
  using time_point = clock::time_point;
  using path_id = std::uint64_t;
  using maker = std::function<wire_message()>;
  using sink = std::function<void(wire_message&& message)>;

  path_merge(const path_merge_limits& limits, sink deliver);

  void path_up(path_id path);
  /// What it might have brought is not waited for any more.
  void path_down(path_id path, time_point now);

  /// A message came; `make` is called at most once, if it is kept.
  void take(path_id path, std::uint64_t publisher_id, std::uint64_t sequence,
            const maker& make, time_point now);

  /// Gives up gaps that were waited for long enough.
  void expire(time_point now);
  /// When to call expire() again; nothing while nothing is held.
  std::optional<time_point> next_deadline() const;

  const path_merge_counts& counts() const { return counts_; }
  std::size_t held() const { return held_; }
  std::size_t publishers() const { return streams_.size(); }

 private:
  /// First and last number.
  using range = std::pair<std::uint64_t, std::uint64_t>;

  struct stream {
    /// The first that was seen.
    std::uint64_t first = 0;
    /// The number that is due.
    std::uint64_t next = 0;
    /// By number; all behind `next`.
    std::map<std::uint64_t, wire_message> held;
    /// Numbers that were given up, newest last.
    std::vector<range> missing;
    /// The last number that came by each path.
    std::map<path_id, std::uint64_t> passed;
    std::optional<time_point> deadline;
    time_point heard_at{};
  };
  using streams = std::unordered_map<std::uint64_t, stream>;

  stream& stream_of(std::uint64_t publisher_id, std::uint64_t sequence);
  void forget_silent();
  void take_old(stream& one, std::uint64_t sequence);
  void hold(stream& one, std::uint64_t sequence, const maker& make);
  void settle(std::uint64_t publisher_id, stream& one, time_point now);
  void give_up_first_gap(stream& one);
  bool may_still_come(const stream& one, std::uint64_t before) const;
  bool is_full() const;
  void deliver_first(stream& one);

  path_merge_limits limits_;
  sink deliver_;
  std::set<path_id> up_;
  streams streams_;
  /// Publishers that have messages held.
  std::set<std::uint64_t> waiting_;
  std::size_t held_ = 0;
  std::size_t held_bytes_ = 0;
  path_merge_counts counts_;
};

} // namespace dynamo
