// Publish, step 3: the payload. Receive, step 6: payload to typed event.
#include "dynamo/wire/event_codec.hpp"

#include <utility>

namespace dynamo {

namespace {

struct event_writer {
  payload_generation generation;
  byte_buffer& out;

  void operator()(const kv_events& events) const {
    encode_kv_events(events, generation, out);
  }
  void operator()(const active_load& load) const {
    encode_active_load(load, out);
  }
  void operator()(const active_sequence_events& events) const {
    encode_active_sequences(events, generation, out);
  }
  void operator()(const session_affinity_update& update) const {
    encode_session_affinity(update, out);
  }
  void operator()(const forward_pass_metrics& pass) const {
    encode_forward_pass(pass, out);
  }
  void operator()(const sequence_state& state) const {
    encode_sequence_state(state, out);
  }
  void operator()(const raw_event& raw) const {
    out.insert(out.end(), raw.payload.begin(), raw.payload.end());
  }
};

template <class Value>
result<event> as_event(result<Value> value) {
  if (!value) {
    return std::move(value).error();
  }
  return event{*std::move(value)};
}

/// Both kinds of arrays: `decode` is their function.
template <class Events, class Decode>
result<event> decode_events(byte_view payload, unreadable_policy policy,
                            skipped_events& skipped, Decode decode) {
  Events events;
  auto left_out = decode(payload, policy, events);
  if (!left_out) {
    return std::move(left_out).error();
  }
  skipped = *std::move(left_out);
  return event{std::move(events)};
}

result<event> decode(event_kind kind, byte_view payload,
                     unreadable_policy policy, skipped_events& skipped) {
  switch (kind) {
  case event_kind::kv_events:
    return decode_events<kv_events>(payload, policy, skipped, decode_kv_events);
  case event_kind::active_load:
    return as_event(decode_active_load(payload));
  case event_kind::active_sequences:
    return decode_events<active_sequence_events>(payload, policy, skipped,
                                                 decode_active_sequences);
  case event_kind::session_affinity:
    return as_event(decode_session_affinity(payload));
  case event_kind::forward_pass:
    return as_event(decode_forward_pass(payload));
  case event_kind::sequence_state:
    return as_event(decode_sequence_state(payload));
  case event_kind::raw:
    break;
  }
  return event{raw_event{{payload.begin(), payload.end()}}};
}

} // namespace

void encode_event(const event& value, payload_generation generation,
                  byte_buffer& out) {
  std::visit(event_writer{generation, out}, value);
}

result<event> decode_event(event_kind kind, byte_view payload) {
  skipped_events skipped;
  return decode(kind, payload, unreadable_policy::fail, skipped);
}

result<event> decode_event(event_kind kind, byte_view payload,
                           skipped_events& skipped) {
  skipped = {};
  return decode(kind, payload, unreadable_policy::skip, skipped);
}

} // namespace dynamo
