#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/load.hpp"

namespace dynamo {

/// Refuses settings that are right one by one and wrong together: errc::invalid
/// with the place of one of them, both keys and their variables. Settings of a
/// transport that is not chosen are passed over where the environment of
/// another program could have set them.
status check_pairs(const loaded_options& loaded);

} // namespace dynamo
