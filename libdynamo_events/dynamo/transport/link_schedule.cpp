#include "dynamo/transport/link_schedule.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

link_schedule::link_schedule(const link_schedule_limits& limits,
                             std::uint64_t seed)
    : limits_(limits)
    , seed_(seed)
    , delays_(limits.delay, seed) {}

void link_schedule::want(time_point now) {
  if (!is_wanted_) {
    is_wanted_ = true;
    due_ = now;
  }
}

void link_schedule::want_for_subscribers(time_point now) {
  want(now);
  if (std::exchange(is_subscribing_, true)) {
    return;
  }
  limits_.delay.max = std::min(limits_.delay.max, limits_.subscriber_delay_max);
  limits_.delay.initial = std::min(limits_.delay.initial, limits_.delay.max);
  delays_ = backoff{limits_.delay, seed_};
  if (due_) {
    due_ = std::min(*due_, now + limits_.delay.max);
  }
}

void link_schedule::on_attempt() {
  due_.reset();
}

void link_schedule::on_change(const link_change& change, time_point now) {
  switch (change.state) {
  case link_state::connected:
    is_connected_ = true;
    failures_ = 0;
    due_.reset();
    return;
  case link_state::draining:
  case link_state::closed:
    is_wanted_ = false;
    due_.reset();
    return;
  case link_state::connecting:
  case link_state::reconnecting:
  case link_state::authentication_failed:
    break;
  }
  // The loss of a connection is no attempt that failed.
  if (std::exchange(is_connected_, false)) {
    delays_.reset();
  } else {
    ++failures_;
  }
  due_.reset();
  if (is_wanted_ && !has_given_up()) {
    due_ = now + delay_after(change);
  }
}

bool link_schedule::has_given_up() const {
  return limits_.attempts_max > 0 && failures_ >= limits_.attempts_max;
}

std::chrono::milliseconds
link_schedule::delay_after(const link_change& change) {
  if (change.lame_duck) {
    return std::chrono::milliseconds{0};
  }
  const auto delay = delays_.next();
  if (change.state == link_state::authentication_failed) {
    return std::max(delay, limits_.authentication_delay);
  }
  return delay;
}

} // namespace dynamo
