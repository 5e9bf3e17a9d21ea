#pragma once

#include "apps/bench/roles/ends.hpp"

namespace dynamo::apps {

/// PUB and SUB sockets of libzmq with the four parts of the wire, one context
/// with one I/O thread, and nothing else. Publishers have a record in discovery
/// so that others find them; subscribers connect to the request's endpoints.
result<std::unique_ptr<outlets>>
open_raw_zmq_outlets(const end_request& wanted);
result<std::unique_ptr<inlet>> open_raw_zmq_inlet(const end_request& wanted,
                                                  arrival_sink sink);

} // namespace dynamo::apps
