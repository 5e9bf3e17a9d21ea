#pragma once

#include "actors/event_plane.hpp"

#include <string>

namespace dynamo::actors {

/// Why there is no connection to NATS and what can be done about it, as a
/// sentence for the log and for people.
std::string no_link_text(const link_change& change, transport_kind transport);

} // namespace dynamo::actors
