#pragma once

#include "actors/event_plane.hpp"
#include "actors/routing.hpp"
#include "apps/app/http_face.hpp"
#include "dynamo/config/options.hpp"

#include <vector>

namespace dynamo::apps {

/// The paths of a router's HTTP face; README.md of this folder lists them.
/// What is given outlives the face.
std::vector<http_route> router_routes(actors::event_plane& plane,
                                      actors::routing& routing,
                                      const options& settings);

} // namespace dynamo::apps
