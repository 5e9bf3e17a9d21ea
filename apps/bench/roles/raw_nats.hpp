#pragma once

#include "apps/bench/roles/ends.hpp"

namespace dynamo::apps {

/// cnats alone: one connection for a process, its defaults but for what a
/// program at full speed needs. The server is that of NATS_SERVER.
result<std::unique_ptr<outlets>>
open_raw_nats_outlets(const end_request& wanted);
result<std::unique_ptr<inlet>> open_raw_nats_inlet(const end_request& wanted,
                                                   arrival_sink sink);

} // namespace dynamo::apps
