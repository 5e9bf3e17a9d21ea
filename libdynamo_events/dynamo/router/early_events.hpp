#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/events/kv_cache.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

namespace dynamo {

/// Events of publishers that nobody has vouched for yet.
class early_events {
 public:
  explicit early_events(early_limits limits);

  /// Keeps an event. A limit costs the publisher its oldest ones first, and the
  /// event itself when that does not help.
  void keep(std::uint64_t publisher_id, router_event event);

  /// What is kept of a publisher, in the order of its coming.
  std::vector<router_event> take(std::uint64_t publisher_id);

  /// Events that are kept now.
  std::size_t size() const { return events_; }
  /// Events lost to a limit since construction.
  std::uint64_t dropped() const { return dropped_; }

 private:
  using queue = std::deque<router_event>;

  void drop_oldest(queue& from);

  early_limits limits_;
  std::unordered_map<std::uint64_t, queue> publishers_;
  std::size_t events_ = 0;
  std::size_t blocks_ = 0;
  std::uint64_t dropped_ = 0;
};

} // namespace dynamo
