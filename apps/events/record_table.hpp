#pragma once

#include "dynamo/discovery/discovery.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace dynamo::apps {

/// "instances", "models", "event_channels", "event_sources".
std::string_view name_of(bucket where);

/// A record in one line: "zmq tcp://10.0.0.5:40123", "worker 7/0", ...
std::string address_of(const record& value);

/// A record as one line of its own, with its owner:
/// "event_channels dynamo/backend/generate kv-events 1a2b (6699) zmq
/// tcp://...".
std::string line_of(bucket where, const record& value);

/// The records of one bucket as a table: a title, then owners in their order,
/// each with its records in aligned columns of about 80.
std::vector<std::string> table_of(bucket where,
                                  std::vector<found_record> records);

/// Everything that is known of a record.
nlohmann::json json_of(bucket where, std::string_view key, const record& value);

} // namespace dynamo::apps
