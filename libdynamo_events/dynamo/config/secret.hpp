#pragma once

#include "dynamo/config/schema.hpp"

#include <string>
#include <string_view>

// What people may see of a value; for load.cpp and print.cpp.

namespace dynamo {

/// The value for files and people: a secret that is set becomes "***", and so
/// do passwords and tokens within URLs. Never more than the secrecy of the
/// setting allows, also of a value that is not accepted.
scalar without_secret(const setting& known, const scalar& value);

/// Servers of NATS without passwords and tokens: of "nats://me:pw@a,b" it is
/// "nats://me:***@a,b". What is no server by its looks becomes "***" too: it
/// may be the piece of a password that holds a comma.
std::string servers_without_secrets(std::string_view list);

} // namespace dynamo
