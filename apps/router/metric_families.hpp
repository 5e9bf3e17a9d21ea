#pragma once

#include "actors/event_plane.hpp"
#include "actors/routing.hpp"

#include <prometheus/metric_family.h>

#include <cstddef>
#include <vector>

namespace dynamo::apps {

/// Ranks that have metrics of their own; of more, the first.
inline constexpr std::size_t metric_ranks_max = 4096;

/// A router's numbers for Prometheus. Names beginning with dynamo_component,
/// dynamo_frontend and dynamo_kvrouter are Dynamo's and mean the same here;
/// all others begin with dynamo_events_router. Pure.
std::vector<prometheus::MetricFamily>
metric_families(const actors::router_report& report,
                const actors::plane_status& plane);

} // namespace dynamo::apps
