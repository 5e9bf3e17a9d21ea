#include "apps/bench/roles/plane_ends.hpp"

#include "actors/caf_seam.hpp"
#include "actors/compose.hpp"
#include "actors/messages.hpp"
#include "apps/bench/roles/settings.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <utility>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

constexpr auto flush_time = 10s;
constexpr auto bind_time = 30s;
// A publisher that is refused tries again so much later: about the time in
// which half of a full buffer goes out.
constexpr auto full_delay = 50us;
constexpr std::size_t many_publishers = 100;

/// Publishes within an actor, a portion at each turn.
class publishing_actor final : public caf::event_based_actor {
 public:
  publishing_actor(caf::actor_config& config, std::function<bool()> step,
                   std::function<void()> done)
      : event_based_actor(config)
      , step_(std::move(step))
      , done_(std::move(done)) {}

  caf::behavior make_behavior() override {
    return {[this](const actors::tick&) { on_tick(); }};
  }

 private:
  void on_tick() {
    if (step_()) {
      actors::seam::send(this, caf::actor_cast<caf::actor>(this),
                         actors::tick{});
      return;
    }
    done_();
    quit();
  }

  std::function<bool()> step_;
  std::function<void()> done_;
};

/// Takes events as an actor, and gives them to a function.
class consuming_actor final : public caf::event_based_actor {
 public:
  consuming_actor(caf::actor_config& config,
                  std::function<void(const actors::received_event&)> sink)
      : event_based_actor(config)
      , sink_(std::move(sink)) {
    actors::seam::drop_unexpected(this);
  }

  caf::behavior make_behavior() override {
    return {[this](const actors::events_received& batch) {
              for (const auto& one : *batch.events) {
                sink_(one);
              }
              return actors::events_handled{};
            },
            [](const actors::notice_received&) {}};
  }

 private:
  std::function<void(const actors::received_event&)> sink_;
};

actors::publisher_request request_of(const end_request& wanted,
                                     std::size_t number) {
  actors::publisher_request request;
  request.owner = bench_scope();
  request.topic = wanted.topic;
  if (wanted.is_of_workers) {
    request.owner = bench_endpoint();
    request.source = kv_source_metadata{request.owner, number + 1, 0, 0};
  }
  return request;
}

class plane_outlets final : public outlets {
 public:
  plane_outlets(std::unique_ptr<actors::event_plane> plane,
                const end_request& wanted)
      : plane_(std::move(plane))
      , caller_(wanted.caller) {
    for (std::size_t i = 0; i < wanted.publishers; ++i) {
      publishers_.push_back(plane_->advertise(request_of(wanted, i)));
    }
  }

  bool send(std::size_t publisher, byte_view payload) override {
    event value{raw_event{byte_buffer(payload.begin(), payload.end())}};
    while (!publishers_[publisher].publish(std::move(value))) {
      std::this_thread::sleep_for(full_delay);
    }
    return true;
  }

  void flush() override {
    const auto deadline = std::chrono::steady_clock::now() + flush_time;
    for (const actors::publisher_handle& one : publishers_) {
      while (one.buffered().depth > 0 &&
             std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(1ms);
      }
    }
  }

  /// Waits until all are advertised; none after a while.
  std::vector<std::string> endpoints() const override {
    const auto deadline = std::chrono::steady_clock::now() + bind_time;
    while (std::chrono::steady_clock::now() < deadline) {
      const actors::plane_status report = plane_->report();
      std::vector<std::string> all;
      for (const actors::publisher_status& one : report.publishers) {
        if (one.advertised) {
          all.push_back(one.endpoint);
        }
      }
      if (all.size() == publishers_.size()) {
        std::erase(all, std::string{});
        return all;
      }
      // Hundreds of publishers have more to do than to answer.
      std::this_thread::sleep_for(publishers_.size() < many_publishers ? 1ms
                                                                       : 10ms);
    }
    return {};
  }

  void run(const std::function<bool()>& step) override {
    if (caller_ == end_caller::thread) {
      outlets::run(step);
      return;
    }
    std::mutex lock;
    std::condition_variable changed;
    bool is_done = false;
    const auto actor =
        actors::system_of(*plane_).spawn<publishing_actor>(step, [&] {
          const std::lock_guard guard{lock};
          is_done = true;
          changed.notify_one();
        });
    actors::seam::anon_send(actor, actors::tick{});
    std::unique_lock guard{lock};
    changed.wait(guard, [&] { return is_done; });
  }

 private:
  const std::unique_ptr<actors::event_plane> plane_;
  const end_caller caller_;
  std::vector<actors::publisher_handle> publishers_;
};

class plane_inlet final : public inlet {
 public:
  plane_inlet(std::unique_ptr<actors::event_plane> plane,
              const end_request& wanted, arrival_sink sink)
      : sink_(std::move(sink))
      , plane_(std::move(plane)) {
    const auto take = [this](const actors::received_event& one) {
      if (const auto* raw = std::get_if<raw_event>(&one.value)) {
        sink_({one.publisher_id, one.sequence, raw->payload});
      }
    };
    if (wanted.caller == end_caller::thread) {
      plane_->subscribe(bench_scope(), wanted.topic, {take, {}});
      return;
    }
    consumer_ = actors::system_of(*plane_).spawn<consuming_actor>(take);
    actors::start_subscriber_on(actors::supervisor_of(*plane_),
                                actors::parts_of(*plane_), bench_scope(),
                                wanted.topic, consumer_);
  }

  ~plane_inlet() override {
    if (consumer_) {
      caf::anon_send_exit(consumer_, caf::exit_reason::user_shutdown);
      consumer_ = {};
    }
    plane_->stop();
  }

 private:
  const arrival_sink sink_;
  const std::unique_ptr<actors::event_plane> plane_;
  caf::actor consumer_;
};

} // namespace

result<std::unique_ptr<actors::event_plane>>
start_bench_plane(const end_request& wanted) {
  auto values = bench_settings(wanted.transport);
  if (!values) {
    return std::move(values).error();
  }
  // Whoever publishes more than the plane takes is told so, and waits.
  values->plane.publisher.buffer.policy = overflow_policy::drop_newest;
  if (wanted.batch_max > 0) {
    values->plane.publisher.batch_max = wanted.batch_max;
  }
  return actors::event_plane::start(
      values->plane, [](actors::log_level level, std::string_view text) {
        if (level >= actors::log_level::warn) {
          std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()),
                       text.data());
        }
      });
}

result<std::unique_ptr<outlets>> open_plane_outlets(const end_request& wanted) {
  auto plane = start_bench_plane(wanted);
  if (!plane) {
    return std::move(plane).error();
  }
  return std::unique_ptr<outlets>{
      std::make_unique<plane_outlets>(*std::move(plane), wanted)};
}

result<std::unique_ptr<inlet>> open_plane_inlet(const end_request& wanted,
                                                arrival_sink sink) {
  auto plane = start_bench_plane(wanted);
  if (!plane) {
    return std::move(plane).error();
  }
  return std::unique_ptr<inlet>{std::make_unique<plane_inlet>(
      *std::move(plane), wanted, std::move(sink))};
}

} // namespace dynamo::apps
