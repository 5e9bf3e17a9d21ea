#pragma once

#include "apps/loadgen/accounting.hpp"
#include "apps/loadgen/policy.hpp"
#include "dynamo/base/error.hpp"

#include <cstdint>
#include <optional>
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
  /// What the router believes that those hold that have not left.
  std::uint64_t blocks = 0;
};

/// Where a request runs.
struct route_answer {
  /// Generates, and computes the prompt unless `prefill` does.
  worker_rank worker;
  /// A rank of another pool, for the prompt alone.
  std::optional<worker_rank> prefill;
};

/// GET /workers.
result<cluster_members> members_from_json(std::string_view text);

/// POST /route.
result<route_answer> choice_from_json(std::string_view text);

/// A worker's GET /streams.
result<std::vector<published_stream>>
published_from_json(std::string_view text);

/// The router's GET /streams.
result<router_streams> received_from_json(std::string_view text);

/// What a line of POST /generate tells.
enum class line_kind { first_token, output_block, done };

/// A line of POST /generate.
struct generate_line {
  line_kind kind = line_kind::first_token;
  std::uint64_t worker_id = 0;
  std::uint32_t dp_rank = 0;
  std::uint64_t input_blocks = 0;
  std::uint64_t cached_blocks = 0;
  /// Simulated milliseconds.
  double time_to_first_token_ms = 0;
};

/// errc::unavailable when the line says "error": the worker stops.
result<generate_line> generate_line_from_json(std::string_view text);

/// What {"error": {"message"}} or {"error"} says, or the text itself,
/// shortened.
std::string refusal_of(std::string_view text);

} // namespace dynamo::apps
