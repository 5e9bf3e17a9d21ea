#pragma once

#include "apps/loadgen/accounting.hpp"
#include "apps/loadgen/policy.hpp"
#include "dynamo/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

// The answers of the router and the workers as values. All are read leniently
// about what is not needed here; errc::malformed or errc::invalid otherwise.

namespace dynamo::apps {

/// Who serves, as the router sees it.
struct cluster_members {
  /// Ranks that can take requests, sorted.
  std::vector<worker_rank> ranks;
  /// The HTTP faces of all workers, those that take no requests as well.
  std::vector<std::string> endpoints;
};

/// GET /workers.
result<cluster_members> members_from_json(std::string_view text);

/// POST /route.
result<worker_rank> choice_from_json(std::string_view text);

/// A worker's GET /streams.
result<std::vector<published_stream>>
published_from_json(std::string_view text);

/// The router's GET /streams.
result<router_streams> received_from_json(std::string_view text);

/// A line of POST /generate.
struct generate_line {
  /// Whether the request is done; otherwise its first token came.
  bool is_done = false;
  std::uint64_t worker_id = 0;
  std::uint32_t dp_rank = 0;
  std::uint64_t input_blocks = 0;
  std::uint64_t cached_blocks = 0;
  /// Simulated milliseconds.
  double time_to_first_token_ms = 0;
};

/// errc::unavailable when the line says {"error"}: the worker stops.
result<generate_line> generate_line_from_json(std::string_view text);

/// What {"error"} says, or the text itself, shortened.
std::string refusal_of(std::string_view text);

} // namespace dynamo::apps
