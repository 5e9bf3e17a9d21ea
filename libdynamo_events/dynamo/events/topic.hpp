#pragma once

#include <string_view>

namespace dynamo {

/// The topics that Dynamo knows, one of our own, and the event each carries.
namespace topics {

/// kv_events
inline constexpr std::string_view kv_events = "kv-events";
/// active_load
inline constexpr std::string_view kv_metrics = "kv_metrics";
/// active_sequence_events
inline constexpr std::string_view active_sequences = "active_sequences_events";
/// session_affinity_update
inline constexpr std::string_view session_affinity = "session_affinity_events";
/// forward_pass_metrics
inline constexpr std::string_view forward_pass = "forward-pass-metrics";
/// sequence_state; ours, Dynamo's routers do not read it
inline constexpr std::string_view sequence_state = "active-sequence-state";
/// A broker's own record; carries no events.
inline constexpr std::string_view broker = "broker";

} // namespace topics

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" // GCC: even of scoped enumerators
/// Which alternative of `event` a topic carries.
enum class event_kind {
  kv_events,
  active_load,
  active_sequences,
  session_affinity,
  forward_pass,
  sequence_state,
  raw,
};
#pragma GCC diagnostic pop

/// `raw` for every topic that is not in the list above.
event_kind event_kind_of(std::string_view topic);

} // namespace dynamo
