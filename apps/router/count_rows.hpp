#pragma once

#include "dynamo/router/router_counts.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace dynamo::apps {

/// One number of a router, as GET /counters and GET /metrics show it.
struct count_row {
  std::string_view group;
  /// Empty: the group is the number.
  std::string_view name;
  std::uint64_t (*of)(const router_counts& counts);
  /// A sentence for people.
  std::string_view meaning;
  /// A state that goes up and down is none.
  enum class growth { only_up, both_ways } grows = growth::only_up;
};

/// All of router_counts.
std::span<const count_row> count_rows();

} // namespace dynamo::apps
