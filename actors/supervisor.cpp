#include "actors/supervisor.hpp"

#include "actors/publisher.hpp"
#include "actors/reconnector.hpp"
#include "actors/record_observer.hpp"
#include "actors/subscriber.hpp"

#include <algorithm>
#include <utility>

namespace dynamo::actors {

std::string_view supervisor::to_string(role what) {
  switch (what) {
  case role::bridge:
    return "bridge";
  case role::reconnector:
    return "reconnector";
  case role::watcher:
    return "discovery_watcher";
  case role::publisher:
    return "publisher";
  case role::subscriber:
    return "subscriber";
  case role::observer:
    return "record_observer";
  }
  return "unknown";
}

supervisor::supervisor(caf::actor_config& config, plane_parts& parts)
    : event_based_actor(config)
    , parts_(parts)
    , watch_(this, [this](const caf::actor_addr& who, bool orderly) {
      on_down(who, orderly);
    }) {
  seam::drop_unexpected(this);
}

caf::behavior supervisor::make_behavior() {
  children_.reserve(16);
  add(role::bridge, [this] {
    if (auto* zmq = std::get_if<zmq_resources>(&parts_.bridge)) {
      return spawn<zmq_bridge>(*zmq);
    }
    return spawn<link_bridge>(std::get<link_resources>(parts_.bridge),
                              parts_.around);
  });
  add(role::reconnector, [this] { return spawn<reconnector>(parts_.around); });
  add(role::watcher, [this]() -> caf::actor {
    if (parts_.thread == watcher_thread::own) {
      return spawn<discovery_watcher, caf::detached>(parts_.watcher);
    }
    return spawn<discovery_watcher>(parts_.watcher);
  });
  for (std::size_t i = 0; i < children_.size(); ++i) {
    start(i);
  }
  for (std::size_t i = 0; i < children_.size(); ++i) {
    introduce(i);
  }
  return {
      [this](const start_publisher& m) { on_start_publisher(m); },
      [this](const start_subscriber& m) { on_start_subscriber(m); },
      [this](const start_observer& m) { on_start_observer(m); },
      [this](const stop_plane& m) { on_stop_plane(m); },
      [this](const report_children&) { return on_report(); },
      [this](const restart_due& m) { on_restart_due(m); },
      [this](const tick&) { on_flush_over(); },
  };
}

bool supervisor::is_core(role what) {
  return what == role::bridge || what == role::reconnector ||
         what == role::watcher;
}

// -- Starting

void supervisor::add(role what, std::function<caf::actor()> spawn_one) {
  children_.push_back({what, std::move(spawn_one), {}, {}});
}

void supervisor::start(std::size_t index) {
  children_[index].actor = children_[index].spawn();
  watch_.add(children_[index].actor);
}

/// Tells a new part who the others are, and the others who the new part is.
void supervisor::introduce(std::size_t index) {
  parts_started parts{part(role::bridge),
                      part(role::reconnector),
                      part(role::watcher),
                      true,
                      true,
                      true};
  const role what = children_[index].what;
  seam::send(this, children_[index].actor, parts);
  if (!is_core(what)) {
    return;
  }
  parts.bridge_is_new = what == role::bridge;
  parts.reconnector_is_new = what == role::reconnector;
  parts.watcher_is_new = what == role::watcher;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    if (i != index && children_[i].actor) {
      seam::send(this, children_[i].actor, parts);
    }
  }
}

void supervisor::on_start_publisher(const start_publisher& command) {
  bells_.push_back(command.plan->bell);
  add_and_start(role::publisher, [this, plan = command.plan] {
    return spawn<actors::publisher>(plan, parts_.around);
  });
}

void supervisor::on_start_subscriber(const start_subscriber& command) {
  bells_.push_back(command.plan->bell);
  add_and_start(role::subscriber, [this, plan = command.plan] {
    return spawn<actors::subscriber>(plan, parts_.around);
  });
}

void supervisor::on_start_observer(const start_observer& command) {
  add_and_start(role::observer, [this, command] {
    return spawn<record_observer>(command.where, command.on_change);
  });
}

void supervisor::add_and_start(role what, std::function<caf::actor()> spawn) {
  if (stopping_) {
    return;
  }
  add(what, std::move(spawn));
  start(children_.size() - 1);
  introduce(children_.size() - 1);
}

// -- Failing

void supervisor::on_down(const caf::actor_addr& who, bool orderly) {
  const auto found =
      std::find_if(children_.begin(), children_.end(), [&](const child& one) {
        return one.actor && one.actor.address() == who;
      });
  if (found == children_.end()) {
    return;
  }
  found->actor = caf::actor{};
  if (stopping_) {
    end_publishers_then_rest();
    return;
  }
  if (orderly) {
    // A publisher that was closed; its place is not needed again.
    return;
  }
  lose(*found, static_cast<std::size_t>(found - children_.begin()));
}

void supervisor::lose(child& one, std::size_t index) {
  const auto& limits = parts_.around.options.supervisor;
  const auto now = parts_.around.time.now();
  one.deaths.push_back(now);
  while (now - one.deaths.front() > limits.restart_window) {
    one.deaths.pop_front();
  }
  if (one.deaths.size() <= limits.restarts_max) {
    seam::delayed_send(this, limits.restart_delay, restart_due{index});
    return;
  }
  parts_.around.say(log_level::error,
                    std::string{to_string(one.what)} + " died more than " +
                        std::to_string(limits.restarts_max) + " times within " +
                        std::to_string(limits.restart_window.count()) +
                        " ms and stays dead");
  if (is_core(one.what)) {
    on_stop_plane(stop_plane{});
  }
}

void supervisor::on_restart_due(const restart_due& timer) {
  if (stopping_) {
    return;
  }
  ++restarts_;
  start(timer.child);
  introduce(timer.child);
  parts_.around.warn("started again: " +
                     std::string{to_string(children_[timer.child].what)});
}

// -- Ending

void supervisor::on_stop_plane(const stop_plane& command) {
  if (stopping_) {
    return;
  }
  stopping_ = true;
  for (const child& one : children_) {
    if (one.what == role::publisher && one.actor) {
      seam::send(this, one.actor, close_publisher{});
    }
  }
  seam::delayed_send(this, command.flush, tick{});
  end_publishers_then_rest();
}

void supervisor::on_flush_over() {
  for (const child& one : children_) {
    if (one.what == role::publisher && one.actor) {
      send_exit(one.actor, caf::exit_reason::user_shutdown);
    }
  }
}

/// Publishers need the bridge and the watcher to say goodbye; the rest ends
/// when the last of them is gone.
void supervisor::end_publishers_then_rest() {
  const auto alive = [](const child& one) { return bool{one.actor}; };
  const bool publishing =
      std::any_of(children_.begin(), children_.end(), [&](const child& one) {
        return one.what == role::publisher && alive(one);
      });
  if (publishing) {
    return;
  }
  for (const child& one : children_) {
    if (one.actor) {
      send_exit(one.actor, caf::exit_reason::user_shutdown);
    }
  }
  if (std::none_of(children_.begin(), children_.end(), alive)) {
    quit();
  }
}

/// Queues must not keep actors alive beyond their system; and whatever ended
/// the supervisor before its time ends its children too.
void supervisor::on_exit() {
  for (const auto& bell : bells_) {
    bell->disconnect();
  }
  for (const child& one : children_) {
    if (one.actor) {
      send_exit(one.actor, caf::exit_reason::kill);
    }
  }
  children_.clear();
}

children_report supervisor::on_report() const {
  children_report report;
  for (const child& one : children_) {
    if (one.actor && one.what == role::publisher) {
      report.publishers.push_back(one.actor);
    } else if (one.actor && one.what == role::subscriber) {
      report.subscribers.push_back(one.actor);
    }
  }
  report.bridge = part(role::bridge);
  report.reconnector = part(role::reconnector);
  report.watcher = part(role::watcher);
  report.restarts = restarts_;
  return report;
}

const caf::actor& supervisor::part(role what) const {
  return std::find_if(children_.begin(), children_.end(),
                      [&](const child& one) { return one.what == what; })
      ->actor;
}

} // namespace dynamo::actors
