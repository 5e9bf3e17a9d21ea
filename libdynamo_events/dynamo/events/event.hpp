#pragma once

#include "dynamo/base/boxed.hpp"
#include "dynamo/base/bytes.hpp"
#include "dynamo/events/forward_pass.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/load.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/events/sequence_state.hpp"

#include <variant>

namespace dynamo {

/// The payload of a topic that we carry without reading it.
struct raw_event {
  byte_buffer payload;

  bool operator==(const raw_event&) const = default;
};

/// The typed payload of one message. Which alternative a topic carries stands
/// in events/topic.hpp. The metrics of a forward pass are boxed because they
/// alone are large, and queues hold many events.
using event = std::variant<kv_events, active_load, active_sequence_events,
                           session_affinity_update, boxed<forward_pass_metrics>,
                           sequence_state, raw_event>;

/// About how much memory an event holds, for the byte limits of queues.
std::size_t size_bytes(const event& value);

} // namespace dynamo
