#include "actors/reconnector.hpp"

#include "actors/readiness.hpp"
#include "dynamo/base/ids.hpp"

namespace dynamo::actors {

namespace {

// A connection that stays away is mentioned again this often.
constexpr std::chrono::seconds reminder_interval{60};

link_schedule_limits link_limits_of(const plane_options& options) {
  return {options.reconnect.delay, options.nats.subscriber_delay_max,
          options.nats.authentication_delay, options.reconnect.attempts_max};
}

peer_set_limits limits_of(const plane_options& options) {
  peer_set_limits limits;
  limits.delay = options.reconnect.delay;
  // The transport's own limit answers first, unless its answer is lost.
  limits.connect_deadline = 3 * options.zmq.connect_timeout;
  limits.peers_max = options.subscriber.publishers_max;
  return limits;
}

} // namespace

reconnector::reconnector(caf::actor_config& config, const surroundings& around)
    : event_based_actor(config)
    , around_(around)
    , watch_(this, [this](const caf::actor_addr& who,
                          bool) { on_subscriber_down(who); })
    , peers_(limits_of(around.options), random_u64())
    , link_(link_limits_of(around.options), random_u64()) {
  seam::drop_unexpected(this);
}

caf::behavior reconnector::make_behavior() {
  return {
      [this](const want_peer& m) { on_want_peer(m); },
      [this](const drop_peer& m) { on_drop_peer(m); },
      [this](const connection_changed& m) { on_connection_changed(m); },
      [this](const want_link& m) { on_want_link(m); },
      [this](const link_changed& m) { on_link_changed(m); },
      [this](const parts_started& m) { on_parts_started(m); },
      [this](const retry_due&) { on_retry_due(); },
  };
}

void reconnector::on_want_peer(const want_peer& command) {
  auto& owner = subscribers_[command.subscription];
  if (owner != command.subscriber) {
    owner = command.subscriber;
    watch_.add(owner);
  }
  // A refusal is counted by the subscriber, which has the same limit.
  static_cast<void>(
      peers_.want(command.subscription, command.remote, around_.time.now()));
  connect_what_is_due();
}

void reconnector::on_drop_peer(const drop_peer& command) {
  if (peers_.drop(command.subscription, command.publisher_id)) {
    seam::send(this, bridge_,
               disconnect_peer{command.subscription, command.publisher_id});
  }
}

void reconnector::on_connection_changed(const connection_changed& fact) {
  if (!peers_.on_change(fact.change, around_.time.now())) {
    return;
  }
  if (const auto found = subscribers_.find(fact.change.subscription);
      found != subscribers_.end()) {
    seam::send(this, found->second, fact);
  }
  connect_what_is_due();
}

// -- The connection that all share

void reconnector::on_want_link(const want_link& command) {
  const auto now = around_.time.now();
  if (command.has_subscribers) {
    link_.want_for_subscribers(now);
  } else {
    link_.want(now);
  }
  connect_what_is_due();
}

void reconnector::on_link_changed(const link_changed& fact) {
  link_.on_change(fact.change, around_.time.now());
  if (fact.change.state == link_state::connected) {
    said_at_.reset();
    const std::string what = around_.options.transport == transport_kind::nats
                                 ? "NATS server "
                                 : "ZMQ brokers ";
    around_.info("connected to " + what + fact.change.server);
    if (!fact.change.reason.empty()) {
      around_.warn(what + fact.change.server + ": " + fact.change.reason);
    }
  } else if (fact.change.state == link_state::draining ||
             fact.change.state == link_state::closed) {
    around_.debug("the connection is " +
                  std::string{dynamo::to_string(fact.change.state)});
  } else {
    say_why_not(fact.change);
  }
  connect_what_is_due();
}

// Once when it begins, and then from time to time: attempts are frequent.
void reconnector::say_why_not(const link_change& change) {
  const auto now = around_.time.now();
  std::string text = no_link_text(change, around_.options.transport);
  if (link_.has_given_up()) {
    around_.say(log_level::error, text + "; given up after " +
                                      std::to_string(link_.failures()) +
                                      " attempts (reconnect.attempts_max)");
    return;
  }
  if (link_.due()) {
    const auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(
        *link_.due() - now);
    text += "; next attempt in " + std::to_string(delay.count()) + " ms";
  }
  if (said_at_ && said_of_ == change.state &&
      now - *said_at_ < reminder_interval) {
    around_.debug(text);
    return;
  }
  said_at_ = now;
  said_of_ = change.state;
  around_.warn(text);
}

// -- Attempts

void reconnector::on_parts_started(const parts_started& fact) {
  bridge_ = fact.bridge;
  connect_what_is_due();
}

void reconnector::on_retry_due() {
  timer_.reset();
  connect_what_is_due();
}

void reconnector::on_subscriber_down(const caf::actor_addr& who) {
  for (auto at = subscribers_.begin(); at != subscribers_.end();) {
    if (at->second.address() == who) {
      peers_.drop_all(at->first);
      at = subscribers_.erase(at);
    } else {
      ++at;
    }
  }
}

void reconnector::connect_what_is_due() {
  const auto now = around_.time.now();
  for (const connect_attempt& attempt : peers_.due(now)) {
    seam::send(this, bridge_,
               connect_peer{attempt.subscription, attempt.remote});
  }
  if (link_.due() && *link_.due() <= now && bridge_) {
    link_.on_attempt();
    seam::send(this, bridge_, connect_link{});
  }
  auto next = peers_.next_due();
  if (link_.due() && (!next || *link_.due() < *next)) {
    next = link_.due();
  }
  if (next && (!timer_ || *next < *timer_)) {
    timer_ = next;
    seam::delayed_send(this, std::max(*next - now, clock::duration{0}),
                       retry_due{});
  }
}

/// Actors that know each other would keep each other in memory.
void reconnector::on_exit() {
  subscribers_.clear();
  bridge_ = {};
}

} // namespace dynamo::actors
