#pragma once

#include "actors/event_plane.hpp"
#include "actors/routing.hpp"
#include "apps/app/http_route.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/config/load.hpp"

#include <functional>
#include <vector>

namespace dynamo::apps {

/// What a router's HTTP face is about; all of it outlives the face.
struct router_parts {
  actors::event_plane& plane;
  actors::routing& routing;
  const loaded_options& configuration;
  const dynamo::clock& clock;
};

/// A router's HTTP face.
struct router_face {
  /// Its paths, which openapi.json describes. `GET /` lists them.
  std::vector<http_route> routes;
  /// To be called before the face stops: requests that wait for a worker are
  /// refused, and so are those that come. Returns when none waits any more.
  std::function<void()> stop;
};

router_face make_router_face(const router_parts& parts);

} // namespace dynamo::apps
