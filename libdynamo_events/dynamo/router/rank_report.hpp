#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/events/forward_pass.hpp"
#include "dynamo/events/load.hpp"
#include "dynamo/router/active_sequences.hpp"
#include "dynamo/router/overload.hpp"
#include "dynamo/router/prefix_index.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What a router knows of its ranks, and how far that can be trusted.

namespace dynamo {

/// How far what the router holds of a rank can be trusted.
enum class sync_state {
  /// No event has arrived yet.
  waiting,
  /// Every event since the rank's first was applied.
  in_sync,
  /// Events are missing, or one could not be applied.
  partial,
  /// The connection is lost: what is held may be old.
  stale,
};

/// "waiting", "in_sync", "partial", "stale".
std::string_view to_string(sync_state state);

/// What a worker says of itself when it joins.
struct worker_profile {
  /// Where requests go: "http://10.0.0.1:8100".
  std::string endpoint{};
  std::uint32_t first_rank = 0;
  std::uint32_t rank_count = 1;
  /// Of each rank.
  rank_capacity capacity{};
  std::vector<std::string> taints{};
};

/// One rank as the router sees it.
struct rank_report {
  worker_rank rank;
  /// Whether its worker was added: only then it is chosen.
  bool member = false;
  std::string endpoint;
  sync_state sync = sync_state::waiting;
  /// What its cached blocks are worth, from 0 to 1.
  double trust = 1;
  /// Since the last proof that what is known was current: an event in its
  /// order, or a sign of life of a connected publisher.
  std::optional<clock::duration> unproven;
  std::optional<std::uint64_t> publisher_id;
  /// Whether several publishers claim the rank and none of them counts.
  bool contested = false;
  std::optional<std::uint64_t> last_event_id;
  std::uint64_t gaps = 0;
  std::uint64_t missed = 0;
  /// Events that named a parent which the rank does not hold.
  std::uint64_t orphans = 0;
  /// Of them, those that are held until it comes.
  std::size_t orphans_held = 0;
  tier_counts blocks{};
  /// Its share of the index's memory: by its blocks.
  std::uint64_t bytes = 0;
  /// Blocks that had to make room.
  std::uint64_t evicted = 0;
  /// Blocks that prediction believes in.
  std::uint64_t predicted = 0;
  /// From the requests that were sent there.
  rank_load load;
  /// As the worker and other routers say.
  std::optional<active_load> reported;
  rank_capacity capacity;
  bool overloaded = false;
  std::optional<forward_pass_metrics> forward_pass;
};

} // namespace dynamo
