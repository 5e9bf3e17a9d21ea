// The one place where the event plane is composed, and its face for programs
// that do not know CAF.

#include "actors/event_plane.hpp"

#include "actors/compose.hpp"
#include "actors/supervisor.hpp"
#include "dynamo/discovery/open.hpp"
#include "dynamo/transport/broker_link.hpp"
#include "dynamo/transport/nats_link.hpp"
#include "dynamo/transport/zmq_transport.hpp"

#include <atomic>
#include <thread>
#include <utility>

namespace dynamo::actors {

namespace {

// A consumer that is slow delays its answer to report(), no more.
constexpr std::chrono::seconds answer_timeout{1};

// The transport offers the last change of a peer again when this is full, and
// discovery reports at its next scan what did not fit: nothing old is dropped.
constexpr inbox_limits change_limits{262'144, 512 * 1024 * 1024,
                                     overflow_policy::drop_newest};

} // namespace

// -- Composition

namespace {

result<std::unique_ptr<plane_parts>>
make_parts_with_brokers(std::unique_ptr<discovery> store, surroundings around) {
  const zmq_options& options = around.options.zmq;
  auto made = make_broker_link(options);
  if (!made) {
    return std::move(made).error();
  }
  std::shared_ptr<broker_directory> directory;
  if (options.broker.url.empty()) {
    directory = std::make_shared<broker_directory>(**made, options.broker.ns);
    if (const status begun = directory->follow(*store); !begun) {
      return begun.error();
    }
  }
  auto parts = make_parts_on(std::unique_ptr<shared_link>{*std::move(made)},
                             std::move(store), std::move(around));
  std::get<link_resources>(parts->bridge).brokers = std::move(directory);
  return parts;
}

} // namespace

result<std::unique_ptr<plane_parts>> make_parts(const plane_options& options,
                                                const clock& time, log_sink log,
                                                stop_check gives_up) {
  auto store = make_discovery(
      options.discovery,
      [log](const std::string& text) {
        if (log) {
          log(log_level::warn, text);
        }
      },
      std::move(gives_up));
  if (!store) {
    return std::move(store).error();
  }
  surroundings around{time, options, std::move(log)};
  if (options.transport == transport_kind::zmq &&
      options.zmq.broker.is_used()) {
    return make_parts_with_brokers(*std::move(store), std::move(around));
  }
  switch (options.transport) {
  case transport_kind::zmq: {
    auto direct = make_zmq_transport(options.zmq);
    if (!direct) {
      return std::move(direct).error();
    }
    return make_parts_on(*std::move(direct), *std::move(store),
                         std::move(around));
  }
  case transport_kind::nats: {
    auto link = make_nats_link(options.nats);
    if (!link) {
      return std::move(link).error();
    }
    return make_parts_on(*std::move(link), *std::move(store),
                         std::move(around));
  }
  }
  return error{errc::unsupported, "event plane: unknown transport"};
}

namespace {

std::unique_ptr<plane_parts> parts_with(bridge_resources bridge,
                                        std::unique_ptr<discovery> store,
                                        surroundings around) {
  auto parts = std::make_unique<plane_parts>(plane_parts{
      std::move(around), std::move(bridge), {}, watcher_thread::own});
  parts->watcher.store = std::move(store);
  parts->watcher.changes = std::make_shared<discovery_inbox>(change_limits);
  return parts;
}

} // namespace

std::unique_ptr<plane_parts> make_parts_on(std::unique_ptr<transport> direct,
                                           std::unique_ptr<discovery> store,
                                           surroundings around) {
  zmq_resources bridge;
  bridge.changes = std::make_shared<connection_inbox>(change_limits);
  direct->report_to(bridge.changes, [bell = bridge.bell] {
    bell->ring(connections_waiting{});
  });
  bridge.link = std::move(direct);
  return parts_with(std::move(bridge), std::move(store), std::move(around));
}

std::unique_ptr<plane_parts> make_parts_on(std::unique_ptr<shared_link> link,
                                           std::unique_ptr<discovery> store,
                                           surroundings around) {
  link_resources bridge;
  bridge.reports = std::make_shared<link_inbox>(change_limits);
  link->report_to(bridge.reports,
                  [bell = bridge.bell] { bell->ring(reports_waiting{}); });
  bridge.link = std::move(link);
  return parts_with(std::move(bridge), std::move(store), std::move(around));
}

caf::actor spawn_event_plane(caf::actor_system& system, plane_parts& parts) {
  return system.spawn<supervisor>(parts);
}

namespace {

void release(zmq_resources& bridge) {
  bridge.subscriptions.clear();
  bridge.senders.clear();
  bridge.link.reset();
}

void release(link_resources& bridge) {
  if (bridge.brokers) {
    bridge.brokers->stop();
  }
  if (bridge.link) {
    bridge.link->close();
  }
  bridge.subscriptions.clear();
  bridge.publishers.clear();
  bridge.link.reset();
}

} // namespace

void release(plane_parts& parts) {
  std::visit([](auto& bridge) { bridge.bell->disconnect(); }, parts.bridge);
  parts.watcher.bell->disconnect();
  parts.watcher.owned.clear();
  parts.watcher.owners.clear();
  std::visit([](auto& bridge) { release(bridge); }, parts.bridge);
  parts.watcher.store.reset();
}

// -- The face

struct event_plane::implementation {
  /// Closes what the actors stood on, after the last of them and before the
  /// system that ran them.
  ~implementation() {
    if (system) {
      root = caf::actor{};
      system->await_all_actors_done();
    }
    if (parts) {
      release(*parts);
    }
  }

  system_clock time;
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<plane_parts> parts;
  caf::actor root;
  std::atomic<bool> stopped = false;
};

event_plane::event_plane(std::unique_ptr<implementation> parts)
    : parts_(std::move(parts)) {}

event_plane::~event_plane() {
  stop();
}

result<std::unique_ptr<event_plane>>
event_plane::start(const plane_options& options, log_sink log,
                   stop_check gives_up) {
  auto inside = std::make_unique<implementation>();
  auto parts =
      make_parts(options, inside->time, std::move(log), std::move(gives_up));
  if (!parts) {
    return std::move(parts).error();
  }
  inside->parts = *std::move(parts);
  const std::size_t cores = std::thread::hardware_concurrency();
  const std::size_t threads = options.runtime.threads > 0
                                  ? options.runtime.threads
                                  : std::max<std::size_t>(2, cores);
  seam::init_types();
  seam::configure(inside->config, threads, options.runtime.scheduler);
  inside->system = std::make_unique<caf::actor_system>(inside->config);
  inside->root = spawn_event_plane(*inside->system, *inside->parts);
  return std::unique_ptr<event_plane>{new event_plane(std::move(inside))};
}

caf::actor_system& system_of(const event_plane& plane) {
  return *plane.inside().system;
}

const caf::actor& supervisor_of(const event_plane& plane) {
  return plane.inside().root;
}

const plane_parts& parts_of(const event_plane& plane) {
  return *plane.inside().parts;
}

std::uint64_t event_plane::instance_id() const {
  return parts_->parts->watcher.store->instance_id();
}

publisher_handle event_plane::advertise(const publisher_request& request) {
  return start_publisher_on(parts_->root, *parts_->parts, request);
}

void event_plane::subscribe(const scope& owner, std::string_view topic,
                            stream_consumer consumer) {
  start_subscriber_on(parts_->root, *parts_->parts, owner, topic,
                      std::move(consumer));
}

status event_plane::put(const record& value) {
  return parts_->parts->watcher.store->advertise(value);
}

status event_plane::remove(const record& value) {
  return parts_->parts->watcher.store->withdraw(value);
}

void event_plane::watch(
    bucket where, std::function<void(const discovery_change&)> on_change) {
  seam::anon_send(parts_->root, start_observer{where, std::move(on_change)});
}

result<std::vector<found_record>> event_plane::list(bucket where) {
  return parts_->parts->watcher.store->list(where);
}

plane_status event_plane::report() const {
  const auto& options = parts_->parts->around.options;
  plane_status report;
  report.transport = options.transport;
  report.discovery = options.discovery.backend;
  const auto* linked = std::get_if<link_resources>(&parts_->parts->bridge);
  report.receiver = linked != nullptr
                        ? linked->link->received()
                        : std::get<zmq_resources>(parts_->parts->bridge)
                              .link->receiver()
                              .counts();
  report.records = parts_->parts->watcher.store->counts();

  caf::scoped_actor self{*parts_->system};
  const auto ask = [&](const caf::actor& whom, auto question, auto on_answer) {
    seam::request(&*self, whom, answer_timeout, question)
        .receive(on_answer, [](const caf::error&) {});
  };
  children_report children;
  ask(parts_->root, report_children{}, [&](const children_report& answer) {
    children = answer;
    report.running = true;
  });
  report.restarts = children.restarts;
  for (const caf::actor& publisher : children.publishers) {
    ask(publisher, report_publisher{}, [&](const publisher_status& answer) {
      report.publishers.push_back(answer);
    });
  }
  for (const caf::actor& subscriber : children.subscribers) {
    ask(subscriber, report_subscription{},
        [&](const subscription_status& answer) {
          report.subscriptions.push_back(answer);
        });
  }
  if (linked != nullptr) {
    ask(children.bridge, report_link{},
        [&](const link_status& answer) { report.link = answer; });
  }
  ask(children.watcher, report_watcher{}, [&](const watcher_status& answer) {
    report.discovery_synced = answer.synced;
    report.discovery_stale = answer.stale;
  });
  return report;
}

void event_plane::stop(std::chrono::milliseconds flush) {
  if (parts_->stopped.exchange(true)) {
    return;
  }
  caf::scoped_actor self{*parts_->system};
  self->monitor(parts_->root);
  seam::anon_send(parts_->root, stop_plane{flush});
  bool ended = false;
  self->receive([&](const caf::down_msg&) { ended = true; },
                caf::after(flush + answer_timeout) >> [] {});
  if (!ended) {
    caf::anon_send_exit(parts_->root, caf::exit_reason::kill);
  }
  parts_->root = caf::actor{};
}

} // namespace dynamo::actors
