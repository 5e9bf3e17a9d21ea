#pragma once

#include "actors/event_plane.hpp"
#include "apps/worker/engine.hpp"
#include "apps/worker/generate_call.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace dynamo::apps {

/// What one rank holds.
struct rank_snapshot {
  std::uint32_t dp_rank = 0;
  cache_snapshot cache;
};

/// A simulated worker on an event plane: an engine per rank, the publishers of
/// their events, and the worker's records in discovery. Step 1 of the publish
/// path: what an engine does is handed to publisher_handle::publish.
///
/// Each rank has a kv-events publisher of its own, because Dynamo's routers
/// tie a publisher to one rank; load and forward passes of all ranks share one
/// publisher each. Those two hold nothing while nobody is subscribed, since
/// only the newest state is of use. Thread-safe.
class worker {
 public:
  /// Makes the publishers and starts the engines. `plane` and `time` outlive
  /// the worker.
  worker(actors::event_plane& plane, const options& settings,
         const clock& time);

  /// Stops as stop() does.
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  /// The configured id, or else that of the process.
  std::uint64_t id() const { return id_; }

  /// Puts the worker's records: where its HTTP face answers ("host:port") and
  /// what it serves.
  status enter(std::string_view address);

  /// Hands a request to its rank, or to that with the fewest requests, and
  /// says which. What becomes of it goes to `answer`. errc::invalid for a
  /// rank that is not there; otherwise fails as engine::submit does.
  result<answer_source> generate(generate_call call,
                                 std::shared_ptr<pending_answer> answer);

  std::vector<rank_snapshot> caches() const;

  /// Empties the caches of all ranks, as engines do when their weights change,
  /// and publishes that. At the first rank that cannot it ends; fails as
  /// engine::clear does.
  status clear();

  /// What the event plane is like; see event_plane::report.
  actors::plane_status plane() const;

  /// Whether requests are taken, every publisher is known to discovery and the
  /// event plane is ready; an error says what is missing.
  status readiness() const;

  /// Takes no more requests, rejects those that wait or run, and removes the
  /// worker's records. The publishers go with the plane.
  void stop();

 private:
  std::unique_ptr<engine> make_engine(std::uint32_t dp_rank,
                                      const actors::publisher_handle& load,
                                      const actors::publisher_handle& passes);
  engine* engine_of(std::uint32_t dp_rank) const;
  std::uint32_t least_busy() const;

  actors::event_plane& plane_;
  const options settings_;
  const clock& clock_;
  const std::uint64_t id_;
  const scope scope_;
  std::vector<std::unique_ptr<engine>> engines_;
  std::vector<record> records_;
  std::atomic<bool> stopping_{false};
};

} // namespace dynamo::apps
