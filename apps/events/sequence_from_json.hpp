#pragma once

#include "apps/events/json_node.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/events/sequence_state.hpp"

namespace dynamo::apps {

// The part of event_from() that reads what routers tell each other; failures
// are those of the node.

active_sequence_events read_sequence_events(const json_node& in);
sequence_state read_sequence_state(const json_node& in);

} // namespace dynamo::apps
