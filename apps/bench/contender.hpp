#pragma once

#include "dynamo/config/options.hpp"

#include <string>
#include <vector>

namespace dynamo::apps {

/// One side of a comparison: which program plays a role, and how it is told
/// what to be.
struct contender {
  /// "ours", "raw", "dynamo": the column in the report.
  std::string name;
  /// The program and what precedes the role's own arguments.
  std::vector<std::string> program;
  /// Added to the arguments of publishers and pings, and of subscribers and
  /// echoes.
  std::vector<std::string> publisher_flags;
  std::vector<std::string> subscriber_flags;
};

} // namespace dynamo::apps
