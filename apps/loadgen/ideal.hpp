#pragma once

#include "apps/loadgen/trace.hpp"
#include "apps/worker/engine_core.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace dynamo::apps {

/// How somebody who sees into every cache would choose. A rank is worth the
/// leading blocks of the prompt that it holds at this moment, less what speaks
/// against it; of equals the one with the least work wins, and then the one
/// that has stored the least.
struct ideal_rule {
  /// Against a rank: its blocks that still wait to be computed, times this.
  double work_weight = 0;
  /// Against a rank: the blocks that it has stored so far, times this. Spreads
  /// what nobody holds over all caches, so that none evicts early.
  double stored_weight = 0;
};

/// One rule at work: engines in simulated time, with the workers' own caches,
/// rates and queues, and a chooser that knows them exactly, at once.
class ideal_fleet {
 public:
  /// `ranks` engines, each as `engine` says; at least one.
  ideal_fleet(const engine_options& engine, std::size_t ranks,
              const ideal_rule& rule);

  /// A request that arrives at `at`, not before the one before.
  void ask(const engine_request& request, sim_time at);

  /// Lets all requests end. The blocks of requests that no rank could ever
  /// hold count as asked.
  block_counts finish();

 private:
  struct rank {
    engine_core engine;
    /// Blocks of each request in progress that it has to compute, by ticket.
    std::deque<std::pair<std::uint64_t, std::size_t>> work;
    std::size_t waiting_blocks = 0;
    std::uint64_t stored_blocks = 0;
  };

  void step(rank& at, sim_time now);
  double worth(const rank& of, std::size_t overlap) const;

  const ideal_rule rule_;
  std::vector<rank> ranks_;
  block_counts counts_;
};

/// What caches of a given size could reuse at best: the best of several rules
/// that know all of them. No rule is proven to be the best there is; a cache
/// without bounds (infinite_cache) is never worse than any.
class ideal_caches {
 public:
  ideal_caches(const engine_options& engine, std::size_t ranks);

  /// Requests in the order of their arrival, in simulated time.
  void ask(const trace_request& request, sim_time at);

  /// The counts of the best rule.
  block_counts finish();

 private:
  const std::uint32_t block_size_;
  std::vector<ideal_fleet> fleets_;
};

} // namespace dynamo::apps
