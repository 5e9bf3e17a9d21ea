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

/// The last error of a connection and its text, which may be of an earlier
/// one. cnats hands out its own buffer and may write the next error into it
/// meanwhile; a text read just then is a mixture of both, no longer than
/// either may be.
struct nats_last_error {
  natsStatus status = NATS_OK;
  std::string text;
};
nats_last_error last_error_of(natsConnection& connection);

} // namespace dynamo
