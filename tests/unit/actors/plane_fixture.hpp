#pragma once

#include "actors/compose.hpp"
#include "actors/messages.hpp"
#include "dynamo/discovery/memory.hpp"
#include "dynamo/transport/memory.hpp"
#include "dynamo/transport/memory_hub.hpp"

#include <caf/scheduler/test_coordinator.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

// Whole event planes on a scheduler without threads and a clock that stands
// still until a test moves it: memory transport, memory discovery, real actors.

namespace dynamo::actors::test {

using namespace std::chrono_literals;

inline const scope backend =
    scope::of_endpoint("dynamo", "backend", "generate");

/// Everything that one subscription delivered.
struct recording {
  std::vector<received_event> events;
  std::vector<stream_notice> notices;

  stream_consumer consumer() {
    return {[this](const received_event& event) { events.push_back(event); },
            [this](const stream_notice& notice) { notices.push_back(notice); }};
  }

  template <class Notice>
  std::vector<Notice> all() const {
    std::vector<Notice> found;
    for (const stream_notice& notice : notices) {
      if (const auto* one = std::get_if<Notice>(&notice)) {
        found.push_back(*one);
      }
    }
    return found;
  }

  /// The kv_used_blocks of every load received: what `load` numbered them.
  std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> found;
    for (const received_event& one : events) {
      found.push_back(*std::get<active_load>(one.value).kv_used_blocks);
    }
    return found;
  }
};

inline active_load load(std::uint64_t number) {
  active_load value;
  value.worker_id = 7;
  value.kv_used_blocks = number;
  return value;
}

inline std::vector<std::uint64_t> numbers_from_to(std::uint64_t first,
                                                  std::uint64_t last) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = first; i <= last; ++i) {
    numbers.push_back(i);
  }
  return numbers;
}

/// What a deterministic actor_system needs.
struct quiet_config : caf::actor_system_config {
  quiet_config() {
    seam::init_types();
    set("scheduler.policy", caf::atom("testing"));
  }
};

/// A cluster in one actor_system: each plane is a process of it.
class cluster {
 public:
  /// One process.
  struct process {
    std::unique_ptr<plane_parts> parts;
    caf::actor root;
  };

  cluster() = default;
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  ~cluster() {
    for (auto& one : processes_) {
      end(*one);
    }
  }

  process& start(plane_options options = {}) {
    options.transport = transport_kind::zmq;
    return start_on(make_memory_transport(network), std::move(options));
  }

  /// The same with a server between.
  process& start_on_hub(plane_options options = {}) {
    options.transport = transport_kind::nats;
    return start_on(make_memory_link(hub), std::move(options));
  }

  publisher_handle publish(process& on,
                           std::string_view topic = topics::kv_metrics) {
    auto handle = start_publisher_on(on.root, *on.parts,
                                     {backend, std::string{topic}, {}, {}});
    run();
    return handle;
  }

  /// A subscription whose deliveries are recorded.
  recording& follow(process& on, std::string_view topic = topics::kv_metrics) {
    auto& into = *recordings_.emplace_back(std::make_unique<recording>());
    start_subscriber_on(on.root, *on.parts, backend, topic, into.consumer());
    run();
    return into;
  }

  void subscribe(process& on, const caf::actor& consumer,
                 std::string_view topic = topics::kv_metrics) {
    start_subscriber_on(on.root, *on.parts, backend, topic, consumer);
    run();
  }

  /// Lets every actor do what it can do now.
  void run() { scheduler().run(); }

  /// Moves all clocks, in steps that are short against every timer.
  void advance(std::chrono::milliseconds span) {
    for (auto passed = 0ms; passed < span; passed += 5ms) {
      time.advance(5ms);
      scheduler().advance_time(5ms);
      run();
    }
  }

  template <class Answer, class Question>
  Answer ask(const caf::actor& whom, Question question) {
    Answer answer{};
    caf::scoped_actor self{system};
    auto pending = seam::request(&*self, whom, caf::infinite, question);
    run();
    pending.receive([&](const Answer& value) { answer = value; },
                    [](const caf::error&) {});
    return answer;
  }

  children_report children(process& of) {
    return ask<children_report>(of.root, report_children{});
  }

  publisher_status publisher_report(process& of, std::size_t index = 0) {
    return ask<publisher_status>(children(of).publishers.at(index),
                                 report_publisher{});
  }

  subscription_status subscription_report(process& of, std::size_t index = 0) {
    return ask<subscription_status>(children(of).subscribers.at(index),
                                    report_subscription{});
  }

  /// Kills an actor as a bug would; the supervisor hears of it.
  void kill(const caf::actor& victim) {
    caf::anon_send_exit(victim, caf::exit_reason::kill);
    run();
  }

  void end(process& one) {
    if (!one.root) {
      return;
    }
    seam::anon_send(one.root, stop_plane{100ms});
    run();
    advance(200ms);
    one.root = caf::actor{};
    release(*one.parts);
    run();
  }

  manual_clock time;
  std::vector<std::string> log;
  std::shared_ptr<memory_hub> hub = std::make_shared<memory_hub>();
  std::shared_ptr<memory_network> network = std::make_shared<memory_network>();
  std::shared_ptr<memory_store> store = std::make_shared<memory_store>();
  quiet_config config;
  caf::actor_system system{config};

 private:
  template <class Link>
  process& start_on(std::unique_ptr<Link> link, plane_options options) {
    auto one = std::make_unique<process>();
    one->parts = make_parts_on(
        std::move(link), make_memory_discovery(store, ++instances_),
        {time, std::move(options),
         [this](log_level, std::string_view text) { log.emplace_back(text); }});
    one->parts->thread = watcher_thread::shared;
    one->root = spawn_event_plane(system, *one->parts);
    processes_.push_back(std::move(one));
    run();
    return *processes_.back();
  }

  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }

  std::uint64_t instances_ = 0;
  /// Outlive the actors that fill them.
  std::vector<std::unique_ptr<recording>> recordings_;
  std::vector<std::unique_ptr<process>> processes_;
};

} // namespace dynamo::actors::test
