#pragma once

#include "dynamo/base/backoff.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace dynamo {

/// Settings of a link_schedule.
struct link_schedule_limits {
  backoff_limits delay;
  /// The longest delay once somebody subscribes.
  std::chrono::milliseconds subscriber_delay_max{200};
  /// The shortest delay after servers refused who we are.
  std::chrono::milliseconds authentication_delay{5000};
  /// Attempts that may fail one after the other; 0: any number.
  std::uint32_t attempts_max = 0;
};

/// When the next attempt at the connection of a shared_link is due. The first
/// is due at once, and so is the one after a server has asked to be left;
/// others wait a random time that grows (see `backoff`).
///
/// It neither connects nor waits: the owner makes the attempt when due() has
/// come, says so with on_attempt(), and tells on_change() what became of it.
class link_schedule {
 public:
  using time_point = clock::time_point;

  /// The seed makes the delays repeatable in tests.
  link_schedule(const link_schedule_limits& limits, std::uint64_t seed);

  /// Somebody needs the connection. No effect when it is wanted already.
  void want(time_point now);
  /// Somebody subscribes: from now on delays are short.
  void want_for_subscribers(time_point now);

  void on_attempt();
  void on_change(const link_change& change, time_point now);

  /// When the next attempt is to be made; nothing while one is being made,
  /// while the link is connected, and after giving up.
  std::optional<time_point> due() const { return due_; }
  /// Attempts that failed since the last connection.
  std::uint32_t failures() const { return failures_; }
  bool has_given_up() const;

 private:
  std::chrono::milliseconds delay_after(const link_change& change);

  link_schedule_limits limits_;
  std::uint64_t seed_;
  backoff delays_;
  bool is_wanted_ = false;
  bool is_subscribing_ = false;
  bool is_connected_ = false;
  std::uint32_t failures_ = 0;
  std::optional<time_point> due_;
};

} // namespace dynamo
