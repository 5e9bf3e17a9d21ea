#include "apps/worker/engine.hpp"

#include "dynamo/base/thread_name.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace dynamo::apps {

engine::engine(const engine_options& options, double speedup,
               engine_sinks sinks, const clock& time)
    : speedup_(speedup)
    , sinks_(std::move(sinks))
    , clock_(time)
    , began_(time.now())
    , core_(options)
    , thread_([this] { run(); }) {}

engine::~engine() {
  stop();
}

status engine::submit(engine_request request, request_observer observer) {
  {
    const lock_guard guard{mutex_};
    if (stopping_) {
      return error{errc::closed, "engine: stopping"};
    }
    const sim_time now = simulated(clock_.now());
    advance(now);
    auto ticket = core_.submit(std::move(request), now);
    if (!ticket) {
      return std::move(ticket).error();
    }
    observers_.emplace(*ticket, std::move(observer));
  }
  changed_.notify_one();
  return ok();
}

std::size_t engine::requests() const {
  const lock_guard guard{mutex_};
  return core_.requests();
}

cache_snapshot engine::snapshot() const {
  const lock_guard guard{mutex_};
  const block_cache& cache = core_.cache();
  return {cache.capacity(), cache.used(), core_.event_id(), cache.content()};
}

status engine::clear() {
  {
    const lock_guard guard{mutex_};
    if (stopping_) {
      return error{errc::closed, "engine: stopping"};
    }
    const sim_time now = simulated(clock_.now());
    advance(now);
    auto step = core_.clear(now);
    if (!step) {
      return std::move(step).error();
    }
    steps_.push_back(*std::move(step));
  }
  changed_.notify_one();
  return ok();
}

void engine::stop() {
  std::unordered_map<std::uint64_t, request_observer> rejected;
  {
    const lock_guard guard{mutex_};
    stopping_ = true;
    rejected.swap(observers_);
  }
  changed_.notify_one();
  if (thread_.joinable()) {
    thread_.join();
  }
  for (const auto& [ticket, observer] : rejected) {
    observer.on_rejected(error{errc::closed, "engine: stopping"});
  }
}

void engine::run() {
  name_this_thread("engine");
  for (;;) {
    std::vector<engine_step> steps;
    {
      const lock_guard guard{mutex_};
      if (stopping_ && steps_.empty()) {
        return;
      }
      if (!stopping_) {
        advance(simulated(clock_.now()));
      }
      if (steps_.empty()) {
        changed_.wait_until(mutex_, real(core_.next_due()));
      }
      steps.swap(steps_);
    }
    deliver(std::move(steps));
  }
}

void engine::advance(sim_time now) {
  std::vector<engine_step> steps = core_.step(now);
  std::move(steps.begin(), steps.end(), std::back_inserter(steps_));
}

void engine::deliver(std::vector<engine_step> steps) {
  for (engine_step& step : steps) {
    if (!step.changes.empty()) {
      sinks_.on_changes(std::move(step.changes));
    }
    if (step.load) {
      sinks_.on_load(*step.load);
    }
    if (step.pass) {
      sinks_.on_pass(*step.pass);
    }
    for (const request_progress& progress : step.progress) {
      const request_observer observer = observer_of(progress);
      if (observer.on_progress) {
        observer.on_progress(progress);
      }
    }
  }
}

/// Nothing to call when the request was rejected in the meantime.
request_observer engine::observer_of(const request_progress& progress) {
  const lock_guard guard{mutex_};
  const auto found = observers_.find(progress.ticket);
  if (found == observers_.end()) {
    return {};
  }
  request_observer observer = found->second;
  if (progress.stage == request_stage::done) {
    observers_.erase(found);
  }
  return observer;
}

sim_time engine::simulated(clock::time_point when) const {
  const std::chrono::duration<double, std::nano> real = when - began_;
  return sim_time{
      static_cast<sim_time::rep>(std::floor(real.count() * speedup_))};
}

clock::time_point engine::real(sim_time when) const {
  // One more, so that the due time has passed on waking whatever was rounded;
  // and not beyond what a time point can hold.
  constexpr double longest = 1e18;
  const double nanoseconds =
      std::min(longest, static_cast<double>(when.count()) / speedup_) + 1;
  return began_ + std::chrono::nanoseconds{
                      static_cast<std::chrono::nanoseconds::rep>(nanoseconds)};
}

} // namespace dynamo::apps
