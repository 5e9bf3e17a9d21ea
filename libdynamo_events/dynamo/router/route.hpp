#pragma once

#include "dynamo/router/cost.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// What is asked of a router, and what it answers.

namespace dynamo {

/// Whether a request is only to be answered, or to run on the rank, too.
enum class booking_mode { book, only_ask };

/// A request that wants a rank.
struct route_request {
  std::string request_id{};
  /// Local block hashes of its full blocks.
  std::vector<std::uint64_t> local{};
  /// 0: as many as the blocks hold.
  std::uint64_t prompt_tokens = 0;
  std::optional<std::uint32_t> expected_output_tokens{};
  std::optional<std::string> lora_name{};
  cost_overrides overrides{};
  /// Only this worker, or this rank of it, whatever its load.
  std::optional<std::uint64_t> pinned_worker{};
  std::optional<std::uint32_t> pinned_rank{};
  /// Only these; empty: any.
  std::vector<std::uint64_t> allowed_workers{};
  /// Only workers that have all of them.
  std::vector<std::string> required_taints{};
  /// Workers that have them cost less, those with a negative weight more.
  std::vector<std::pair<std::string, double>> preferred_taints{};
  /// When it must wait: higher ones always go first; `priority` counts for
  /// queue_policy::wspt alone.
  std::uint32_t strict_priority = 0;
  double priority = 0;
  /// Leading blocks in a cache that all workers share.
  std::uint32_t shared_blocks = 0;
  /// How long its prefill should take; nothing when nobody knows.
  std::optional<std::chrono::nanoseconds> expected_prefill_duration{};
  booking_mode mode = booking_mode::book;
  /// Whether the answer lists every rank.
  bool explain = false;
};

/// Why a rank was no candidate.
enum class exclusion {
  none,
  /// Its publisher cannot be heard, while others' can.
  cut_off,
  overloaded,
  not_allowed,
  not_pinned,
  taints,
};

/// "", "cut_off", "overloaded", "not_allowed", "not_pinned", "taints".
std::string_view to_string(exclusion why);

/// One rank as a request saw it.
struct candidate_report {
  worker_rank rank;
  exclusion excluded = exclusion::none;
  cost_input input;
  cost_terms cost;
};

/// Where a request goes, and why.
struct route_choice {
  worker_rank rank;
  /// As given to add_worker.
  std::string endpoint;
  /// Leading blocks on the rank's device.
  std::uint32_t overlap_blocks = 0;
  /// With the lower tiers.
  rank_overlap overlap;
  std::uint64_t request_blocks = 0;
  std::size_t candidates = 0;
  cost_terms cost;
  /// "cheapest of 4 ranks: 12 of 14 blocks cached, 3.5 blocks of work queued".
  std::string reason;
  /// How long it was parked.
  std::chrono::milliseconds waited{0};
  /// All members, when the request asked for it.
  std::vector<candidate_report> explanation;
};

/// Why a request gets no rank.
enum class refusal {
  /// Nobody has joined, or the pinned one has not.
  no_worker,
  /// Members are there, but none that the request allows.
  none_allowed,
  /// All that it allows are over a threshold of load.
  overloaded,
  queue_full,
  /// It was parked for too long.
  timed_out,
  /// It was freed while it was parked.
  cancelled,
  too_large,
  /// The same id waits already.
  duplicate,
};

/// "no_worker", "none_allowed", "overloaded", ...
std::string_view to_string(refusal why);

struct route_refusal {
  refusal why = refusal::no_worker;
  /// A sentence for whoever asked.
  std::string message;
};

/// It waits for capacity: `release` will say more.
struct route_parked {
  /// With this one.
  std::size_t waiting = 0;
};

using route_outcome = std::variant<route_choice, route_parked, route_refusal>;

/// A request that does not wait any more.
struct released_request {
  std::string request_id;
  std::variant<route_choice, route_refusal> outcome;
};

} // namespace dynamo
