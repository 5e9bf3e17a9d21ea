#include "apps/worker/worker.hpp"

#include "apps/worker/registration.hpp"
#include "dynamo/events/topic.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace dynamo::apps {

namespace {

/// Intervals are meant for those who watch, in real time.
sim_time simulated(std::chrono::milliseconds real, double speedup) {
  // 30 years: sums of times must not overflow.
  constexpr double longest = 1e18;
  const std::chrono::duration<double, std::nano> exact = real;
  return sim_time{static_cast<sim_time::rep>(
      std::clamp(exact.count() * speedup, 1.0, longest))};
}

engine_options engine_options_of(const options& settings,
                                 std::uint64_t worker_id,
                                 std::uint32_t dp_rank) {
  const worker_options& worker = settings.worker;
  engine_options wanted;
  wanted.worker_id = worker_id;
  wanted.dp_rank = dp_rank;
  wanted.block_size = settings.deployment.block_size;
  wanted.cache_blocks = worker.cache_blocks;
  wanted.prefill_tokens_per_second = worker.prefill_tokens_per_second;
  wanted.decode_tokens_per_second = worker.decode_tokens_per_second;
  wanted.concurrency = worker.concurrency;
  wanted.queue_max = worker.queue_max;
  wanted.load_interval = simulated(worker.load_interval, worker.speedup);
  wanted.heartbeat = simulated(worker.heartbeat, worker.speedup);
  wanted.kv_events = settings.deployment.kv_events;
  return wanted;
}

} // namespace

worker::worker(actors::event_plane& plane, const options& settings,
               const clock& time)
    : plane_(plane)
    , settings_(settings)
    , clock_(time)
    , id_(settings.worker.worker_id != 0 ? settings.worker.worker_id
                                         : plane.instance_id())
    , scope_(scope::of_endpoint(settings.deployment.ns,
                                settings.deployment.component,
                                settings.deployment.endpoint)) {
  publisher_options latest = settings.plane.publisher;
  latest.hold_without_subscriber = false;
  const auto load =
      plane_.advertise({scope_, std::string{topics::kv_metrics}, {}, latest});
  const auto passes =
      plane_.advertise({scope_, std::string{topics::forward_pass}, {}, latest});
  for (std::uint32_t rank = 0; rank < settings_.worker.dp_ranks; ++rank) {
    engines_.push_back(make_engine(rank, load, passes));
  }
}

worker::~worker() {
  stop();
}

std::unique_ptr<engine>
worker::make_engine(std::uint32_t dp_rank, const actors::publisher_handle& load,
                    const actors::publisher_handle& passes) {
  // What a publisher does not take it counts, and subscribers see the gap.
  engine_sinks sinks;
  sinks.on_load = [to = load](const active_load& value) mutable {
    to.publish(value);
  };
  sinks.on_pass = [to = passes](const forward_pass_metrics& value) mutable {
    to.publish(value);
  };
  if (settings_.deployment.kv_events) {
    const kv_source_metadata source{scope_, id_, dp_rank, 0};
    sinks.on_changes =
        [to = plane_.advertise(
             {scope_, std::string{topics::kv_events}, source, {}})](
            kv_events value) mutable { to.publish(std::move(value)); };
  }
  return std::make_unique<engine>(engine_options_of(settings_, id_, dp_rank),
                                  settings_.worker.speedup, std::move(sinks),
                                  clock_);
}

status worker::enter(std::string_view address) {
  // Dynamo's routers use a worker once both are there, in any order.
  records_ = {endpoint_record(settings_.deployment, id_, address,
                              settings_.plane.publisher.generation),
              model_record(settings_.deployment, settings_.worker, id_)};
  for (const record& value : records_) {
    const status put = plane_.put(value);
    if (!put) {
      return put;
    }
  }
  return ok();
}

result<answer_source> worker::generate(generate_call call,
                                       std::shared_ptr<pending_answer> answer) {
  const std::uint32_t rank = call.dp_rank ? *call.dp_rank : least_busy();
  engine* const chosen = engine_of(rank);
  if (chosen == nullptr) {
    return error{errc::invalid, "dp_rank: expected at most " +
                                    std::to_string(engines_.size() - 1) +
                                    ", got " + std::to_string(rank)};
  }
  request_observer observer;
  observer.on_progress = [answer](const request_progress& progress) {
    answer->tell(progress);
  };
  observer.on_rejected = [answer](const error& reason) {
    answer->reject(reason);
  };
  const status taken =
      chosen->submit(std::move(call.request), std::move(observer));
  if (!taken) {
    return taken.error();
  }
  return answer_source{std::move(call.request_id), id_, rank};
}

engine* worker::engine_of(std::uint32_t dp_rank) const {
  return dp_rank < engines_.size() ? engines_[dp_rank].get() : nullptr;
}

std::uint32_t worker::least_busy() const {
  const auto least = std::min_element(engines_.begin(), engines_.end(),
                                      [](const auto& a, const auto& b) {
                                        return a->requests() < b->requests();
                                      });
  return static_cast<std::uint32_t>(least - engines_.begin());
}

std::vector<rank_snapshot> worker::caches() const {
  std::vector<rank_snapshot> caches;
  for (std::uint32_t rank = 0; rank < engines_.size(); ++rank) {
    caches.push_back({rank, engines_[rank]->snapshot()});
  }
  return caches;
}

status worker::clear() {
  for (const auto& each : engines_) {
    const status cleared = each->clear();
    if (!cleared) {
      return cleared;
    }
  }
  return ok();
}

actors::plane_status worker::plane() const {
  return plane_.report();
}

status worker::readiness() const {
  if (stopping_) {
    return error{errc::unavailable, "the worker is being stopped"};
  }
  const auto report = plane();
  if (status ready = readiness_of(report); !ready) {
    return ready;
  }
  const std::size_t expected =
      2 + (settings_.deployment.kv_events ? engines_.size() : 0);
  const auto advertised =
      std::count_if(report.publishers.begin(), report.publishers.end(),
                    [](const auto& publisher) { return publisher.advertised; });
  if (static_cast<std::size_t>(advertised) < expected) {
    return error{errc::unavailable, "not every publisher is advertised"};
  }
  return ok();
}

void worker::stop() {
  if (stopping_.exchange(true)) {
    return;
  }
  for (const record& value : records_) {
    // It may be gone already; then all is as it should be.
    [[maybe_unused]] const status removed = plane_.remove(value);
  }
  for (const auto& running : engines_) {
    running->stop();
  }
}

} // namespace dynamo::apps
