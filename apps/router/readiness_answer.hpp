#pragma once

#include "actors/event_plane.hpp"
#include "actors/routing.hpp"
#include "apps/app/http_route.hpp"
#include "dynamo/config/options.hpp"

#include <chrono>

namespace dynamo::apps {

/// GET /readyz of a router, `waited` after it started. 200 when the plane can
/// carry events, discovery has shown its first picture, and enough of the
/// sources are in sync or readiness_options::time_limit has passed; else 503
/// with what is missing. Where there is no source, all are in sync. Pure.
http_answer readiness_answer(const actors::plane_status& plane,
                             const actors::router_report& report,
                             const readiness_options& options,
                             std::chrono::milliseconds waited);

} // namespace dynamo::apps
