#pragma once

#include "dynamo/config/load.hpp"

#include <string>

namespace dynamo {

/// The effective configuration as a file with comments, each key with the
/// place its value comes from (--print-config). Loading it gives the same
/// values but for secrets: where one is set, "***" stands.
std::string print_options(const loaded_options& loaded);

/// Every key with its default, meaning, unit, range and variable: the text of
/// configs/reference.jsonc (--print-reference).
std::string print_reference();

} // namespace dynamo
