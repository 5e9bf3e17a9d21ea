// Publish path, step 6, where a server is between: publishers are given the
// link, and hear what the server made of their batches.

#include "actors/link_bridge.hpp"

namespace dynamo::actors {

namespace {

constexpr std::size_t reports_per_turn = 256;

} // namespace

link_bridge::link_bridge(caf::actor_config& config, link_resources& resources,
                         const surroundings& around)
    : event_based_actor(config)
    , resources_(resources)
    , around_(around)
    , owners_(this, [this](const caf::actor_addr& who, bool) {
      on_owner_down(who);
    }) {
  seam::drop_unexpected(this);
}

caf::behavior link_bridge::make_behavior() {
  for (const auto& [id, owner] : resources_.publishers) {
    owners_.add(owner);
  }
  for (const auto& [id, owner] : resources_.subscriptions) {
    owners_.add(owner);
  }
  // A predecessor may have died with the timer.
  if (resources_.last.state == link_state::connected && !resources_.is_open) {
    begin_hold();
  }
  resources_.bell->connect(caf::actor_cast<caf::actor>(this));
  return {
      [this](const open_sender& m) { on_open_sender(m); },
      [this](const close_sender& m) { on_close_sender(m); },
      [this](const open_subscription& m) { on_open_subscription(m); },
      [this](const connect_link&) { on_connect_link(); },
      [this](const reports_waiting&) { on_reports_waiting(); },
      [this](const hold_over& m) { on_hold_over(m); },
      [this](const parts_started& m) { on_parts_started(m); },
      [this](const report_link&) { return on_report(); },
  };
}

// -- Publishers

void link_bridge::on_open_sender(const open_sender& command) {
  const std::uint64_t id = command.wanted.publisher_id;
  resources_.publishers[id] = command.publisher;
  owners_.add(command.publisher);
  want();
  seam::send(this, command.publisher, picture_for(id));
  // Subscribers need no address: the subject is enough.
  seam::send(this, command.publisher,
             sender_opened{id, {}, nullptr, resources_.link});
}

void link_bridge::on_close_sender(const close_sender& command) {
  resources_.publishers.erase(command.publisher_id);
}

void link_bridge::on_outcome(const link_outcome& outcome) {
  const auto found = resources_.publishers.find(outcome.publisher_id);
  if (found == resources_.publishers.end()) {
    return;
  }
  if (outcome.unheard) {
    seam::send(this, found->second,
               batch_unheard{outcome.publisher_id, outcome.number});
    return;
  }
  seam::send(this, found->second,
             batch_sent{outcome.publisher_id, outcome.number, outcome.sent,
                        outcome.refused});
}

// -- Subscribers

void link_bridge::on_open_subscription(const open_subscription& command) {
  const subscription_id id = command.wanted.id;
  if (!resources_.subscriptions.contains(id)) {
    // It can only fail for an id that is taken, which was ruled out.
    static_cast<void>(resources_.link->subscribe(command.wanted));
  }
  resources_.subscriptions[id] = command.subscriber;
  owners_.add(command.subscriber);
  want();
  seam::send(this, command.subscriber, link_changed{resources_.last});
}

// -- The connection

void link_bridge::want() {
  const bool has_subscribers = !resources_.subscriptions.empty();
  if (reconnector_ && (has_subscribers || !resources_.publishers.empty())) {
    seam::send(this, reconnector_, want_link{has_subscribers});
  }
}

void link_bridge::on_connect_link() {
  resources_.link->connect();
}

void link_bridge::on_reports_waiting() {
  if (!reconnector_) {
    return;
  }
  std::vector<inbox_item<link_report>> reports;
  const auto count = resources_.reports->drain(reports, reports_per_turn);
  for (const auto& item : reports) {
    if (const auto* change = std::get_if<link_change>(&item.value)) {
      on_link_change(*change);
    } else {
      on_outcome(std::get<link_outcome>(item.value));
    }
  }
  if (count == reports_per_turn) {
    seam::send(this, caf::actor_cast<caf::actor>(this), reports_waiting{});
  }
}

void link_bridge::on_link_change(const link_change& change) {
  resources_.last = change;
  seam::send(this, reconnector_, link_changed{change});
  for (const auto& [id, subscriber] : resources_.subscriptions) {
    seam::send(this, subscriber, link_changed{change});
  }
  if (change.state != link_state::connected) {
    resources_.had_outage = true;
    set_open(false);
  } else if (resources_.had_outage &&
             link_timing_of(around_.options).hold.count() > 0) {
    begin_hold();
  } else {
    set_open(true);
  }
}

// Neither core NATS nor a broker keeps anything for a subscriber that is not
// back yet.
void link_bridge::begin_hold() {
  seam::delayed_send(this, link_timing_of(around_.options).hold,
                     hold_over{resources_.last.epoch});
}

void link_bridge::on_hold_over(const hold_over& timer) {
  if (timer.epoch == resources_.last.epoch &&
      resources_.last.state == link_state::connected) {
    set_open(true);
  }
}

void link_bridge::set_open(bool is_open) {
  resources_.is_open = is_open;
  for (const auto& [id, publisher] : resources_.publishers) {
    seam::send(this, publisher, picture_for(id));
  }
}

sender_changed link_bridge::picture_for(std::uint64_t publisher_id) const {
  sender_changed picture{publisher_id, resources_.is_open,
                         resources_.last.epoch, std::nullopt};
  if (resources_.last.envelope_bytes_max > 0) {
    picture.envelope_bytes_max = resources_.last.envelope_bytes_max;
  }
  return picture;
}

void link_bridge::on_parts_started(const parts_started& fact) {
  reconnector_ = fact.reconnector;
  want();
  if (fact.reconnector_is_new && resources_.last.epoch > 0) {
    seam::send(this, reconnector_, link_changed{resources_.last});
  }
  // Only now is there somebody to tell of changes that came before.
  on_reports_waiting();
}

void link_bridge::on_owner_down(const caf::actor_addr& owner) {
  std::erase_if(resources_.publishers, [&](const auto& entry) {
    return entry.second.address() == owner;
  });
  std::erase_if(resources_.subscriptions, [&](const auto& entry) {
    if (entry.second.address() != owner) {
      return false;
    }
    resources_.link->unsubscribe(entry.first);
    return true;
  });
}

link_status link_bridge::on_report() const {
  link_status report;
  report.is_wanted =
      !resources_.publishers.empty() || !resources_.subscriptions.empty();
  report.state = resources_.last.state;
  report.server = resources_.last.server;
  report.reason = resources_.last.reason;
  report.is_reached = resources_.last.is_reached;
  report.epoch = resources_.last.epoch;
  report.is_open = resources_.is_open;
  report.counts = resources_.link->counts();
  report.paths = resources_.link->paths();
  return report;
}

/// See reconnector::on_exit.
void link_bridge::on_exit() {
  reconnector_ = {};
}

} // namespace dynamo::actors
