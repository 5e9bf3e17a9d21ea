#pragma once

#include "apps/app/http_route.hpp"
#include "dynamo/transport/broker_counts.hpp"
#include "dynamo/transport/zmq_broker.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace dynamo::apps {

/// Every count under its name.
nlohmann::json counts_json(const broker_counts& counts);

/// The same for Prometheus: dynamo_events_broker_<name>, with _total behind
/// what only grows.
std::string metrics_text(const broker_counts& counts);

/// What a broker answers. It outlives the routes.
std::vector<http_route> broker_routes(const zmq_broker& served);

} // namespace dynamo::apps
