#pragma once

#include "actors/event_plane.hpp"

#include <nlohmann/json.hpp>

namespace dynamo::apps {

/// The connection to NATS as the HTTP faces show it; null with direct ZMQ.
nlohmann::json link_json(const actors::plane_status& plane);

} // namespace dynamo::apps
