#pragma once

#include "apps/loadgen/trace.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/sequence.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dynamo::apps {

/// One request: what a router looks up, and what changes in its worker's cache.
struct workload_request {
  worker_rank rank;
  std::vector<std::uint64_t> local;
  /// At most a removal, then at most a store.
  std::vector<kv_cache_event> events;
};

/// Blocks of all requests.
struct workload_mix {
  std::uint64_t events = 0;
  std::uint64_t looked_up = 0;
  std::uint64_t stored = 0;
  std::uint64_t removed = 0;
};

/// A trace as the requests and events of some workers, a pure function of the
/// trace and three numbers:
///
///   cycle c of the trace turns a number h of it into h + c * 2^32: one block
///   local hash      XXH3-64, seed 1337, of that as u64 LE
///   name            the sequence hash
///   request g       belongs to worker g modulo `workers`, rank 0
///   cache           `capacity` blocks; the block used least lately goes first,
///                   the end of a chain before its beginning
class trace_workload {
 public:
  trace_workload(std::size_t workers, std::size_t capacity);

  /// All requests of one cycle.
  std::vector<workload_request> play(const std::vector<trace_request>& trace,
                                     std::uint64_t cycle);

  const workload_mix& mix() const { return mix_; }
  void reset_mix() { mix_ = {}; }

  /// What a lookup must find now, by worker; without those that hold nothing.
  std::vector<std::pair<std::uint64_t, std::uint32_t>>
  expected(const std::vector<std::uint64_t>& local) const;

  /// Blocks of all caches.
  std::uint64_t pairs() const;

 private:
  class cache {
   public:
    explicit cache(std::size_t capacity)
        : capacity_(capacity) {}

    /// How many of these blocks are here from the first on.
    std::size_t leading(const std::vector<std::uint64_t>& names) const;
    /// Uses all blocks; `gone` becomes what had to go. Returns as above.
    std::size_t use(const std::vector<std::uint64_t>& names,
                    std::vector<std::uint64_t>& gone);
    std::size_t size() const { return where_.size(); }

   private:
    void touch(std::uint64_t name);

    std::size_t capacity_;
    /// The last used first.
    std::list<std::uint64_t> order_;
    std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator>
        where_;
  };

  workload_request serve(std::vector<std::uint64_t> local);

  std::vector<cache> caches_;
  std::vector<std::uint64_t> event_ids_;
  std::size_t served_ = 0;
  workload_mix mix_;
};

} // namespace dynamo::apps
