#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <span>

namespace dynamo::apps {

/// The value at `fraction` (0 to 1) by nearest rank; 0 of nothing. Orders
/// `values` in part.
std::uint64_t percentile(std::span<std::uint64_t> values, double fraction);

/// {"p50", "p90", "p99", "p999", "max"} of the values, all 0 of nothing.
nlohmann::json percentiles_json(std::span<std::uint64_t> values);

} // namespace dynamo::apps
