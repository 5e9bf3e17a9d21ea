#pragma once

#include "dynamo/base/error.hpp"

#include <string_view>

namespace dynamo {

/// A failure of libzmq as an error: `code` is its errno, `what` was tried. A
/// lack of sockets comes with the advice how to get more.
error zmq_failure(int code, std::string_view what);

} // namespace dynamo
