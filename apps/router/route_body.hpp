#pragma once

#include "apps/app/http_path.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/router/route.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What clients send to a router, as values; an error names the member that is
// wrong. Members that nobody knows are wrong, too. Pure.

namespace dynamo::apps {

inline constexpr std::size_t request_id_bytes_max = 512;
inline constexpr std::size_t allowed_workers_max = 4096;
inline constexpr std::size_t taints_max = 64;
inline constexpr std::size_t taint_bytes_max = 256;
/// Of every weight, in either direction.
inline constexpr double weight_max = 1e6;

struct route_limits {
  std::uint32_t block_size = 16;
  /// Blocks of a prompt.
  std::size_t blocks_max = 65'536;
};

/// The body of POST /route.
result<route_request> route_request_from(std::string_view body,
                                         const route_limits& limits);

/// The body of POST /overlap: local block hashes.
result<std::vector<std::uint64_t>> overlap_hashes_from(std::string_view body,
                                                       std::size_t blocks_max);

/// The body of POST /requests/{id}/output_block; without one, or with an empty
/// object, nothing.
result<std::optional<double>> progress_from(std::string_view body);

/// The body of a request that needs none: nothing, or an empty object.
status expect_no_members(std::string_view body);

/// ?explain=1; any other value is an error.
result<bool> explain_from(const http_parameters& query);

/// ?limit=N, or `otherwise`; an error beyond `max`.
result<std::size_t> limit_from(const http_parameters& query,
                               std::size_t otherwise, std::size_t max);

} // namespace dynamo::apps
