#pragma once

#include "dynamo/base/error.hpp"

#include <nats/nats.h>

#include <string>
#include <string_view>

namespace dynamo {

/// What cnats says about the call that has just failed in this thread: its
/// own words when it left some, else those of the status.
std::string nats_reason(natsStatus failed);

/// The same as an error: "what: reason".
error nats_failure(natsStatus failed, std::string_view what);

} // namespace dynamo
