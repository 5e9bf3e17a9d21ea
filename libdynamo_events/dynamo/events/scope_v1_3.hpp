#pragma once

#include "dynamo/events/scope.hpp"

#include <string>
#include <string_view>

// Where Dynamo up to 1.3 has a stream that later versions have at an endpoint:
// there were no endpoint scopes, and names stood in subjects as they are. What
// no subject may hold (blanks, wildcards, control characters) is
// percent-encoded all the same.

namespace dynamo {

/// The scope of a stream: of the namespace for `kv_metrics`, of the component
/// for every other topic. A scope that is no endpoint's stays.
scope scope_v1_3_of(const scope& owner, std::string_view topic);

/// namespace.<ns>[.component.<component>], of that scope.
std::string subject_prefix_v1_3_of(const scope& owner, std::string_view topic);

/// The same with the topic behind it.
std::string subject_v1_3_of(const scope& owner, std::string_view topic);

} // namespace dynamo
