#pragma once

#include "dynamo/events/kv_cache.hpp"

#include <cstdint>
#include <vector>

namespace dynamo::apps {

/// The kv-events of one worker, a pure function of three numbers, so that any
/// program can make the same ones.
///
/// Step t = 0, 1, ...: request r = t / 16, part j = t % 16. A request is 8
/// chunks of `blocks` blocks. j < 8: chunk j of request r is stored below chunk
/// j - 1. j >= 8: chunk 15 - j of request r - 64 is removed; steps with r < 64
/// are left out. The local hash of block p is XXH3-64, seed 1337, of r, p and
/// o as u64 LE; o is 0 in the first four chunks, which all workers share, and
/// the worker's number + 1 in the others. Engines' names are sequence hashes.
class kv_workload {
 public:
  /// `number` counts workers from 0; `worker_id` is what events name.
  kv_workload(std::uint64_t number, std::uint64_t worker_id,
              std::uint64_t blocks)
      : number_(number)
      , worker_id_(worker_id)
      , blocks_(blocks) {}

  /// The next event; their ids count from 1.
  router_event next();

  /// The local hashes of all 8 chunks of a request.
  std::vector<std::uint64_t> local_hashes(std::uint64_t request) const;

  /// The requests of which everything is stored and nothing removed, the
  /// oldest first: those whose lookups must find all their blocks.
  std::vector<std::uint64_t> whole_requests() const;

  static constexpr std::uint64_t chunks = 8;
  static constexpr std::uint64_t live_requests = 64;

 private:
  /// A request's blocks. Events of one come one after the other.
  struct chain {
    std::uint64_t request = no_request;
    std::vector<std::uint64_t> local;
    std::vector<std::uint64_t> names;
  };
  static constexpr std::uint64_t no_request = ~std::uint64_t{0};

  const chain& chain_of(std::uint64_t request, chain& last) const;
  kv_stored stored(std::uint64_t request, std::uint64_t chunk);
  kv_removed removed(std::uint64_t request, std::uint64_t chunk);

  std::uint64_t number_;
  std::uint64_t worker_id_;
  std::uint64_t blocks_;
  std::uint64_t step_ = 0;
  std::uint64_t event_id_ = 0;
  chain last_stored_;
  chain last_removed_;
};

} // namespace dynamo::apps
