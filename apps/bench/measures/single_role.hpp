#pragma once

#include "apps/bench/contender.hpp"
#include "apps/bench/turns.hpp"
#include "dynamo/base/error.hpp"

#include <string>
#include <vector>

namespace dynamo::apps {

/// Runs a role that measures alone, without a transport and without being told
/// what to do: one process, one result. Its numbers become figures; those of an
/// object inside get the object's name in front.
result<figures> run_single_role(const contender& who, const std::string& verb,
                                const std::vector<std::string>& flags);

} // namespace dynamo::apps
