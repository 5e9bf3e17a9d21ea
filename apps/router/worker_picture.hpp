#pragma once

#include "actors/event_plane.hpp"
#include "actors/routing.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string_view>

// How a router sees its workers, as a JSON value. Pure.

namespace dynamo::apps {

/// "both", "prefill", "decode".
std::string_view to_string(pool_role role);

/// (rank, block) pairs of all tiers.
std::uint64_t block_total(const tier_counts& blocks);

/// GET /workers: ranks by worker, pool by pool, with the stream that each
/// one's kv-events come by.
nlohmann::json workers_json(const actors::router_report& report,
                            const actors::plane_status& plane);

} // namespace dynamo::apps
