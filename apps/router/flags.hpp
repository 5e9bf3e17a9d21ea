#pragma once

#include "apps/app/program.hpp"
#include "dynamo/config/load.hpp"

#include <string>
#include <vector>

namespace dynamo::apps {

/// The keys that have a flag of their own in dynamo-router: ours, and all that
/// Dynamo's router has under Dynamo's names.
std::vector<config_flag> router_flags();

/// What is accepted for Dynamo's sake and has no effect here, one sentence
/// each; for the log.
std::vector<std::string> without_effect(const loaded_options& loaded);

} // namespace dynamo::apps
