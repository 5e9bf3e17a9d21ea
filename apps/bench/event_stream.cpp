#include "apps/bench/event_stream.hpp"

#include "dynamo/router/bucket_table.hpp"

#include <algorithm>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

namespace dynamo::apps {

namespace {

/// One worker's cache; blocks go by their names.
class lru_cache {
 public:
  explicit lru_cache(std::size_t blocks_max)
      : max_(blocks_max) {}

  /// How many of these blocks are here from the first on.
  std::size_t cached(const std::vector<std::uint64_t>& names) const {
    std::size_t count = 0;
    while (count < names.size() && where_.contains(names[count])) {
      ++count;
    }
    return count;
  }

  /// Uses the blocks; returns what had to go for those that were not here.
  std::vector<std::uint64_t> use(const std::vector<std::uint64_t>& names) {
    // Backwards, so that the end of a chain is older than its beginning.
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      const auto at = where_.find(*name);
      if (at != where_.end()) {
        order_.splice(order_.begin(), order_, at->second);
        continue;
      }
      order_.push_front(*name);
      where_.emplace(*name, order_.begin());
    }
    std::vector<std::uint64_t> gone;
    while (order_.size() > max_) {
      gone.push_back(order_.back());
      where_.erase(order_.back());
      order_.pop_back();
    }
    return gone;
  }

 private:
  std::size_t max_;
  /// The last used first.
  std::list<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> where_;
};

/// An engine's names: a hash of all that is before.
std::vector<std::uint64_t> names_of(const std::vector<std::uint64_t>& local) {
  std::vector<std::uint64_t> names;
  names.reserve(local.size());
  std::uint64_t name = 0x51ed270b0a1fdb93U;
  for (const std::uint64_t each : local) {
    name = mix(name * 31 + each);
    names.push_back(name);
  }
  return names;
}

std::size_t worker_of(const std::vector<std::uint64_t>& local,
                      std::size_t number, const stream_options& options) {
  if (options.how == spreading::round_robin || local.empty()) {
    return number % options.workers;
  }
  // Many requests share their first block, so the second one decides.
  return mix(local[std::min<std::size_t>(1, local.size() - 1)]) %
         options.workers;
}

void add_events(lru_cache& cache, const std::vector<std::uint64_t>& names,
                stream_step& to) {
  const std::size_t first = cache.cached(names);
  std::vector<std::uint64_t> gone = cache.use(names);
  if (first < names.size()) {
    kv_stored stored;
    if (first > 0) {
      stored.parent_hash = names[first - 1];
    }
    for (std::size_t i = first; i < names.size(); ++i) {
      stored.blocks.push_back({names[i], to.local[i], {}});
    }
    to.events.push_back(
        {.event_id = 0, .data = std::move(stored), .dp_rank = 0});
  }
  if (!gone.empty()) {
    to.events.push_back(
        {.event_id = 0, .data = kv_removed{std::move(gone)}, .dp_rank = 0});
  }
}

} // namespace

event_stream make_stream(const std::vector<trace_request>& trace,
                         const stream_options& options) {
  event_stream made;
  std::vector<lru_cache> caches(options.workers,
                                lru_cache{options.cache_blocks});
  for (std::size_t round = 0; round < options.rounds; ++round) {
    for (const trace_request& request : trace) {
      stream_step step;
      for (const std::uint64_t id : request.block_ids) {
        step.local.push_back(mix(id + 1));
      }
      const std::size_t worker =
          worker_of(step.local, made.steps.size(), options);
      step.rank = {worker + 1, 0};
      add_events(caches[worker], names_of(step.local), step);
      made.asked += step.local.size();
      for (const kv_cache_event& event : step.events) {
        if (const auto* stored = std::get_if<kv_stored>(&event.data)) {
          made.stored += stored->blocks.size();
        } else if (const auto* gone = std::get_if<kv_removed>(&event.data)) {
          made.removed += gone->block_hashes.size();
        }
      }
      made.steps.push_back(std::move(step));
    }
  }
  return made;
}

} // namespace dynamo::apps
