#pragma once

#include "apps/loadgen/cluster_client.hpp"
#include "apps/loadgen/cluster_watch.hpp"
#include "dynamo/base/error.hpp"

#include <chrono>
#include <vector>

namespace dynamo::apps {

/// Empties the caches of all workers that the first router knows, and waits
/// until every router has seen that. errc::unavailable with what is missing
/// when it takes longer than `timeout`, errc::invalid when a worker cannot do
/// it, errc::closed when asked to stop.
status empty_caches(const std::vector<cluster_client*>& routers,
                    std::chrono::milliseconds timeout,
                    const stop_wait& stopped);

} // namespace dynamo::apps
