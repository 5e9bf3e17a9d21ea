#pragma once

#include "apps/bench/roles/index_role.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/router/prefix_index.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace dynamo::apps {

/// One face over the indexes. `apply` and `drain` are for one thread, `find`
/// may be called beside them where the index allows it.
class measured_index {
 public:
  virtual ~measured_index() = default;
  virtual void apply(const worker_rank& rank, kv_cache_event event) = 0;
  /// Until everything that was handed over is applied.
  virtual void drain() {}
  /// How many rows an answer has; the answer itself is dropped.
  virtual std::size_t find(std::span<const std::uint64_t> local) const = 0;
  virtual std::vector<rank_overlap>
  answer(std::span<const std::uint64_t> local) const = 0;
  /// What it counts itself; 0: the heap has to be asked.
  virtual std::uint64_t bytes() const { return 0; }
};

/// In the thread of its caller.
std::unique_ptr<measured_index> make_measured_index(index_kind which);

/// Behind a queue, with a thread that applies.
std::unique_ptr<measured_index>
make_queued_index(std::unique_ptr<measured_index> inside);

} // namespace dynamo::apps
