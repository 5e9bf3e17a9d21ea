#pragma once

#include "actors/event_plane.hpp"
#include "actors/routing.hpp"
#include "dynamo/config/load.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

// What else the router's HTTP face shows, as JSON values. Pure.

namespace dynamo::apps {

/// GET /streams.
nlohmann::json streams_json(const actors::plane_status& plane);

/// GET /index.
nlohmann::json index_json(const std::vector<actors::rank_blocks>& index,
                          const actors::router_report& report,
                          std::uint32_t block_size);

/// GET /requests: the first `limit` of them.
nlohmann::json requests_json(const std::vector<actors::pool_requests>& pools,
                             std::size_t limit);

/// GET /replicas.
nlohmann::json replicas_json(const actors::router_report& report);

/// GET /timeline, and one line of it.
nlohmann::json
timeline_json(const std::vector<actors::timeline_entry>& entries);
nlohmann::json to_json(const actors::timeline_entry& entry);

/// GET /counters: every total of the router and the plane.
nlohmann::json counters_json(const actors::router_report& report,
                             const actors::plane_status& plane);

/// GET /config: every option as --print-config shows it, with its origin.
nlohmann::json config_json(const loaded_options& configuration);

} // namespace dynamo::apps
