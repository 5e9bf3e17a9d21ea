#include "actors/zmq_bridge.hpp"

#include <iterator>

namespace dynamo::actors {

namespace {

// The transport says when subscribers may have changed. A flood of them is
// heard in portions; what was left is heard at the next look.
constexpr std::chrono::milliseconds look_interval{1000};

constexpr std::size_t changes_per_turn = 256;

} // namespace

zmq_bridge::zmq_bridge(caf::actor_config& config, zmq_resources& resources)
    : event_based_actor(config)
    , resources_(resources)
    , owners_(this, [this](const caf::actor_addr& who, bool) {
      on_owner_down(who);
    }) {
  seam::drop_unexpected(this);
}

caf::behavior zmq_bridge::make_behavior() {
  for (const auto& [id, one] : resources_.senders) {
    owners_.add(one.publisher);
  }
  for (const auto& [id, owner] : resources_.subscriptions) {
    owners_.add(owner);
  }
  resources_.bell->connect(caf::actor_cast<caf::actor>(this));
  // What happened while there was no bridge.
  on_tick();
  return {
      [this](const open_sender& m) { on_open_sender(m); },
      [this](const close_sender& m) { on_close_sender(m); },
      [this](const open_subscription& m) { on_open_subscription(m); },
      [this](const connect_peer& m) { on_connect_peer(m); },
      [this](const disconnect_peer& m) { on_disconnect_peer(m); },
      [this](const connections_waiting&) { on_connections_waiting(); },
      [this](const parts_started& m) { on_parts_started(m); },
      [this](const tick&) { on_tick(); },
  };
}

void zmq_bridge::on_open_sender(const open_sender& command) {
  const std::uint64_t id = command.wanted.publisher_id;
  auto found = resources_.senders.find(id);
  if (found == resources_.senders.end()) {
    auto opened = resources_.link->open(command.wanted);
    if (!opened) {
      seam::send(this, command.publisher, sender_failed{id, opened.error()});
      return;
    }
    found = resources_.senders
                .emplace(id, zmq_resources::open_one{*std::move(opened),
                                                     command.publisher})
                .first;
    owners_.add(command.publisher);
  }
  const auto& out = found->second.out;
  seam::send(this, command.publisher,
             sender_opened{id, out->endpoint(), out, nullptr});
}

void zmq_bridge::on_close_sender(const close_sender& command) {
  resources_.senders.erase(command.publisher_id);
}

void zmq_bridge::on_open_subscription(const open_subscription& command) {
  const subscription_id id = command.wanted.id;
  if (resources_.subscriptions.contains(id)) {
    resources_.subscriptions[id] = command.subscriber;
    owners_.add(command.subscriber);
    return;
  }
  // It can only fail for an id that is taken, which was ruled out.
  static_cast<void>(resources_.link->receiver().subscribe(command.wanted));
  resources_.subscriptions.emplace(id, command.subscriber);
  owners_.add(command.subscriber);
}

void zmq_bridge::on_connect_peer(const connect_peer& command) {
  const status begun =
      resources_.link->receiver().connect(command.subscription, command.remote);
  if (!begun) {
    seam::send(
        this, reconnector_,
        connection_changed{{command.subscription, command.remote,
                            connection_state::failed, begun.error().message}});
  }
}

void zmq_bridge::on_disconnect_peer(const disconnect_peer& command) {
  resources_.link->receiver().disconnect(command.subscription,
                                         command.publisher_id);
}

void zmq_bridge::on_connections_waiting() {
  tell_stirred_publishers();
  if (!reconnector_) {
    return;
  }
  std::vector<inbox_item<connection_change>> changes;
  const auto count = resources_.changes->drain(changes, changes_per_turn);
  for (auto& item : changes) {
    seam::send(this, reconnector_, connection_changed{std::move(item.value)});
  }
  if (count == changes_per_turn) {
    seam::send(this, caf::actor_cast<caf::actor>(this), connections_waiting{});
  }
}

void zmq_bridge::on_parts_started(const parts_started& fact) {
  reconnector_ = fact.reconnector;
  // Only now is there somebody to tell of changes that came before.
  on_connections_waiting();
}

void zmq_bridge::on_tick() {
  tell_all_publishers();
  seam::delayed_send(this, look_interval, tick{});
}

void zmq_bridge::on_owner_down(const caf::actor_addr& owner) {
  std::erase_if(resources_.senders, [&](const auto& entry) {
    return entry.second.publisher.address() == owner;
  });
  std::erase_if(resources_.subscriptions, [&](const auto& entry) {
    if (entry.second.address() != owner) {
      return false;
    }
    resources_.link->receiver().unsubscribe(entry.first);
    return true;
  });
}

// How many there are now, only they can know: a sender belongs to its
// publisher.
void zmq_bridge::tell_stirred_publishers() {
  for (const std::uint64_t id : resources_.link->stirred()) {
    if (const auto found = resources_.senders.find(id);
        found != resources_.senders.end()) {
      seam::send(this, found->second.publisher, subscribers_changed{});
    }
  }
}

void zmq_bridge::tell_all_publishers() {
  for (const auto& [id, one] : resources_.senders) {
    seam::send(this, one.publisher, subscribers_changed{});
  }
}

/// See reconnector::on_exit.
void zmq_bridge::on_exit() {
  reconnector_ = {};
}

} // namespace dynamo::actors
