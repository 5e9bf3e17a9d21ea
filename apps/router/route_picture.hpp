#pragma once

#include "actors/routing.hpp"
#include "apps/app/http_route.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

// What a router answers to a request for a worker, as JSON values. Pure.

namespace dynamo::apps {

/// POST /route. With two pools the choice in each stands in "prefill" and
/// "decode", with its explanation.
nlohmann::json to_json(const actors::routed& where,
                       const std::string& request_id);

/// The same when no worker was chosen: the refusal's name is the code.
http_answer refuse(const route_refusal& reason);

/// POST /overlap.
nlohmann::json overlaps_json(const std::vector<rank_overlap>& overlaps);

} // namespace dynamo::apps
