#pragma once

#include "dynamo/base/error.hpp"

#include <string>
#include <string_view>

namespace dynamo {

/// The public key ("U...") that belongs to the seed of a user ("SU..."), which
/// NATS calls an nkey. errc::malformed, without the seed, for anything else.
result<std::string> nats_public_key(std::string_view seed);

} // namespace dynamo
