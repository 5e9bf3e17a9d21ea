#pragma once

#include "apps/loadgen/trace.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/sequence.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dynamo::apps {

/// How requests are spread over workers.
enum class spreading { round_robin, by_prefix };

struct stream_options {
  std::size_t workers = 8;
  /// What each worker's cache holds.
  std::size_t cache_blocks = 16'384;
  spreading how = spreading::by_prefix;
  /// How often the trace is played, the caches staying as they are.
  std::size_t rounds = 2;
};

/// One request, as a router sees it, and what it changes in its worker's cache.
struct stream_step {
  worker_rank rank;
  std::vector<std::uint64_t> local;
  /// At most a removal and a store.
  std::vector<kv_cache_event> events;
};

struct event_stream {
  std::vector<stream_step> steps;
  /// Blocks: of all requests, stored, removed.
  std::uint64_t asked = 0;
  std::uint64_t stored = 0;
  std::uint64_t removed = 0;
};

/// Plays a trace against caches that drop what was used least lately, the ends
/// of chains first. One number of the trace is one block.
event_stream make_stream(const std::vector<trace_request>& trace,
                         const stream_options& options);

} // namespace dynamo::apps
