#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/events/event.hpp"
#include "dynamo/events/topic.hpp"

#include <nlohmann/json_fwd.hpp>

namespace dynamo::apps {

// Typed events as JSON: the members and their nesting are those of the msgpack
// on the wire, so that what is said about payloads holds for both. kv-events
// is an array; active_sequences_events is {"events": [...]}; a topic that we
// do not know is {"hex": "..."}. All functions are pure.

/// Every member is written, but for those that the event does not have.
nlohmann::json json_of(const event& value);

/// Reads what json_of writes, and one event where several could stand. What
/// has a default on the wire may be left out. errc::invalid names the member
/// that is wrong or unknown, such as "[0].event.dp_rank".
result<event> event_from(const nlohmann::json& value, event_kind kind);

} // namespace dynamo::apps
