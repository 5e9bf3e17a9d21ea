#pragma once

#include "apps/worker/engine_core.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/base/mutex.hpp"

#include <functional>
#include <thread>
#include <unordered_map>
#include <vector>

namespace dynamo::apps {

/// Where an engine's events go. Called from the engine's thread, in the order
/// of simulated time; must not block.
struct engine_sinks {
  std::function<void(kv_events)> on_changes;
  std::function<void(const active_load&)> on_load;
  std::function<void(const forward_pass_metrics&)> on_pass;
};

/// How the owner of a request hears of it: `on_progress` with first_token, with
/// each output block that it asked for, and then with done, or `on_rejected`
/// when the engine stops before that. Called from the engine's thread,
/// `on_rejected` from the one that stops it; must not block. What the engine
/// published before is with its sinks by then.
struct request_observer {
  std::function<void(const request_progress&)> on_progress;
  std::function<void(const error&)> on_rejected;
};

/// What a rank's cache holds, and the newest kv event that is part of it.
struct cache_snapshot {
  std::size_t capacity_blocks = 0;
  /// In use by requests: shared blocks once, reserved places included.
  std::size_t used_blocks = 0;
  std::uint64_t event_id = 0;
  std::vector<cached_block> blocks;
};

/// An engine_core in real time: one thread that sleeps until something is due.
/// Times are those that the core computes; when the thread wakes only says
/// when they are told. Thread-safe.
///
/// The core is stepped under the lock, which is arithmetic only; sinks and
/// observers are called without it.
class engine {
 public:
  /// `speedup` simulated seconds pass in a second of `time`, which outlives
  /// the engine. Starts the thread.
  engine(const engine_options& options, double speedup, engine_sinks sinks,
         const clock& time);

  /// Stops as stop() does.
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  /// Takes a request; never waits. Fails as engine_core::submit does, and with
  /// errc::closed after stop(); the observer is then never called.
  status submit(engine_request request, request_observer observer);

  /// Requests that wait or run.
  std::size_t requests() const;

  cache_snapshot snapshot() const;

  /// Forgets the cache's blocks and publishes that. Fails as
  /// engine_core::clear does, and with errc::closed after stop().
  status clear();

  /// Rejects all requests with errc::closed and joins the thread. From one
  /// thread at a time, and not from a callback of the engine's.
  void stop();

 private:
  void run();
  /// Does what is due up to `now`; deliver() tells it later.
  void advance(sim_time now) DYNAMO_REQUIRES(mutex_);
  void deliver(std::vector<engine_step> steps);
  request_observer observer_of(const request_progress& progress);
  sim_time simulated(clock::time_point when) const;
  clock::time_point real(sim_time when) const;

  const double speedup_;
  const engine_sinks sinks_;
  const clock& clock_;
  const clock::time_point began_;

  mutable mutex mutex_;
  condition changed_;
  engine_core core_ DYNAMO_GUARDED_BY(mutex_);
  std::vector<engine_step> steps_ DYNAMO_GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, request_observer>
      observers_ DYNAMO_GUARDED_BY(mutex_);
  bool stopping_ DYNAMO_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

} // namespace dynamo::apps
