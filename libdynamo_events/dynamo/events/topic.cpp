#include "dynamo/events/topic.hpp"

namespace dynamo {

event_kind event_kind_of(std::string_view topic) {
  if (topic == topics::kv_events) {
    return event_kind::kv_events;
  }
  if (topic == topics::kv_metrics) {
    return event_kind::active_load;
  }
  if (topic == topics::active_sequences) {
    return event_kind::active_sequences;
  }
  if (topic == topics::session_affinity) {
    return event_kind::session_affinity;
  }
  if (topic == topics::forward_pass) {
    return event_kind::forward_pass;
  }
  if (topic == topics::sequence_state) {
    return event_kind::sequence_state;
  }
  return event_kind::raw;
}

} // namespace dynamo
