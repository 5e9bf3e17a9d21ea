#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/discovery/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dynamo::apps {

/// The endpoint that the worker serves, with its address in the form of
/// Dynamo's request plane, so that a Dynamo router counts the worker as a
/// member. At `address` ("host:port") our own HTTP face answers.
record endpoint_record(const deployment_options& deployment,
                       std::uint64_t worker_id, std::string_view address,
                       wire_generation generation = wire_generation::v1_4);

/// The least that a Dynamo router wants to know of the worker's model: block
/// size, capacity, ranks.
record model_record(const deployment_options& deployment,
                    const worker_options& worker, std::uint64_t worker_id);

} // namespace dynamo::apps
