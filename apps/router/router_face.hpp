#pragma once

#include "actors/event_plane.hpp"
#include "actors/routing.hpp"
#include "apps/app/http_route.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/config/load.hpp"

#include <memory>
#include <vector>

namespace dynamo::apps {

/// What a router's HTTP face is about; all of it outlives the face.
struct router_parts {
  actors::event_plane& plane;
  actors::routing& routing;
  const loaded_options& configuration;
  const dynamo::clock& clock;
};

/// The paths of a router's HTTP face, which openapi.json describes. `GET /`
/// lists them.
std::vector<http_route> router_routes(const router_parts& parts);

} // namespace dynamo::apps
