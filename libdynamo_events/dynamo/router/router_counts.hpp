#pragma once

#include "dynamo/router/active_sequences.hpp"
#include "dynamo/router/orphans.hpp"
#include "dynamo/router/predictor.hpp"
#include "dynamo/router/replica_sync.hpp"
#include "dynamo/router/request_queue.hpp"

#include <cstdint>

namespace dynamo {

/// Totals of a kv_router since construction; events unless said otherwise.
struct router_counts {
  /// Without loss, duplicates and removals of unknown blocks included.
  std::uint64_t applied = 0;
  /// Below a parent that is not known and were not held.
  std::uint64_t parent_unknown = 0;
  std::uint64_t invalid = 0;
  std::uint64_t full = 0;
  std::uint64_t stale = 0;
  std::uint64_t ignored = 0;
  /// Of publishers whose rank a newer one speaks for.
  std::uint64_t superseded = 0;
  /// In messages that disagree with their source.
  std::uint64_t disagreeing = 0;
  /// Of unbound publishers, lost to a limit.
  std::uint64_t early_dropped = 0;
  /// Of unbound publishers, kept now.
  std::uint64_t early_kept = 0;
  /// Held for their parents now.
  std::uint64_t orphans_kept = 0;
  orphan_counts orphans;
  /// Holes in the event ids of ranks, and events that fell into them.
  std::uint64_t gaps = 0;
  std::uint64_t missed = 0;
  std::uint64_t duplicate_blocks = 0;
  std::uint64_t unknown_blocks = 0;
  std::uint64_t conflicting_blocks = 0;
  std::uint64_t evicted_blocks = 0;
  /// By kind of event, applied without loss.
  std::uint64_t stored = 0;
  std::uint64_t removed = 0;
  std::uint64_t cleared = 0;
  /// Loads and forward passes of ranks that are no members.
  std::uint64_t loads_ignored = 0;
  /// Requests.
  std::uint64_t chosen = 0;
  std::uint64_t no_worker = 0;
  std::uint64_t none_allowed = 0;
  std::uint64_t overloaded = 0;
  std::uint64_t refused = 0;
  /// Their prompt blocks, and those that the chosen rank held.
  std::uint64_t prompt_blocks = 0;
  std::uint64_t overlap_blocks = 0;
  active_counts requests;
  queue_counts queue;
  replica_counts replicas;
  prediction_counts predictions;
};

} // namespace dynamo
