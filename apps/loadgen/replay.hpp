#pragma once

#include "apps/loadgen/cluster_client.hpp"
#include "apps/loadgen/cluster_watch.hpp"
#include "apps/loadgen/measurement.hpp"
#include "apps/loadgen/policy.hpp"
#include "apps/loadgen/prompt.hpp"
#include "apps/loadgen/trace.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/base/mutex.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dynamo::apps {

struct replay_options {
  policy_kind policy = policy_kind::kv;
  prompt_options prompt;
  /// Trace seconds per real second.
  double speed = 1;
  /// Requests in flight; others are late.
  std::size_t concurrency_max = 256;
  /// Attempts after the first.
  std::uint32_t retries_max = 5;
  /// Of the policy random.
  std::uint64_t seed = 1;
  /// Whether routers are told of each block that the output fills.
  bool output_blocks = false;
};

/// Plays a trace under one policy: each request at its time, from a thread of
/// its own. A router that chose is told when the prompt is computed and when
/// the request is over, however it ended. What it is given outlives it.
class replay {
 public:
  using on_progress = std::function<void(std::size_t done)>;

  /// `routers` choose in turn, one request after the other; at least one.
  replay(std::vector<cluster_client*> routers, const cluster_watch& watch,
         const std::vector<trace_request>& trace, const replay_options& options,
         stop_wait stopped);

  /// Returns when every request has ended, or soon after a stop; then those
  /// that had not ended do not count. `progress` is called on this thread.
  policy_summary run(const on_progress& progress);

  /// The last reason why a request failed for good.
  const std::optional<error>& last_failure() const { return last_failure_; }

 private:
  /// The last line of the worker that generated; where another one computed
  /// the prompt, with that one's blocks, and with both times.
  struct served_request {
    generate_line line;
    rank_name computed_by;
  };

  void work();
  void wait_until_done(const on_progress& progress);
  void play(std::size_t index, std::chrono::milliseconds late);
  bool pause_before(std::uint32_t attempt) const;
  result<served_request> attempt(const generate_request& request,
                                 std::vector<std::string>& avoided);
  result<served_request> serve_locally(const generate_request& request,
                                       std::vector<std::string>& avoided);
  result<served_request> serve(cluster_client& router,
                               const route_answer& chosen,
                               const generate_request& request);
  result<served_request> serve_in_two(cluster_client& router,
                                      const route_answer& chosen,
                                      const generate_request& request);
  void note(const trace_request& asked, const served_request& served,
            request_outcome& outcome) const;

  const std::vector<cluster_client*> routers_;
  const cluster_watch& watch_;
  const std::vector<trace_request>& trace_;
  const replay_options options_;
  const stop_wait stopped_;
  const std::chrono::steady_clock::time_point start_;
  std::optional<local_choice> local_;
  std::atomic<std::size_t> next_ = 0;
  /// Of the routers.
  std::atomic<std::size_t> turn_ = 0;
  mutex mutex_;
  condition changed_;
  std::size_t working_ DYNAMO_GUARDED_BY(mutex_) = 0;
  policy_tally tally_ DYNAMO_GUARDED_BY(mutex_);
  std::optional<error> failure_ DYNAMO_GUARDED_BY(mutex_);
  /// Written when no thread is left.
  std::optional<error> last_failure_;
};

} // namespace dynamo::apps
