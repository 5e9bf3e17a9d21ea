#pragma once

#include "dynamo/config/schema.hpp"

#include <vector>

// The parts of the schema that stand in files of their own; for schema.cpp
// alone.

namespace dynamo {

/// The keys of plane_options but for the transport.
void add_plane(std::vector<setting>& to);

/// The keys of nats_options.
void add_nats(std::vector<setting>& to);

/// The keys of router_options.
void add_router(std::vector<setting>& to);

} // namespace dynamo
