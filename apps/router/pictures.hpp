#pragma once

#include "actors/event_plane.hpp"
#include "actors/routing.hpp"

#include <nlohmann/json_fwd.hpp>

#include <vector>

// What the router's HTTP face shows, as JSON values. Pure.

namespace dynamo::apps {

/// GET /workers: ranks by worker, with the stream that each one's kv-events
/// come by.
nlohmann::json workers_json(const actors::router_report& report,
                            const actors::plane_status& plane);

/// GET /streams.
nlohmann::json streams_json(const actors::plane_status& plane);

/// GET /index.
nlohmann::json index_json(const std::vector<actors::rank_blocks>& index,
                          std::uint32_t block_size);

/// GET /timeline, and one line of it.
nlohmann::json
timeline_json(const std::vector<actors::timeline_entry>& entries);
nlohmann::json to_json(const actors::timeline_entry& entry);

/// POST /route.
nlohmann::json to_json(const route_choice& choice,
                       const std::string& request_id);

/// POST /overlap.
nlohmann::json overlaps_json(const std::vector<rank_overlap>& overlaps);

/// GET /counters: every total of the router and the plane.
nlohmann::json counters_json(const actors::router_report& report,
                             const actors::plane_status& plane);

} // namespace dynamo::apps
