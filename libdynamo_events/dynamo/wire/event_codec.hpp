#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/events/event.hpp"
#include "dynamo/events/topic.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// Typed events from and to the payload of an envelope: msgpack, structs as
// maps in the order of Dynamo's declarations, so that our bytes are equal to
// those of a Dynamo process. The byte tables stand above the writers in
// kv_event_codec.cpp, sequence_codec.cpp, sequence_state_codec.cpp and
// load_codec.cpp.
//
// Reading is tolerant where Dynamo is: any order of keys, unknown keys, wide
// integers, structs as positional arrays, bytes behind the value. It refuses
// what Dynamo refuses: a required key that is missing, a key that comes twice,
// a value of a wrong type. Counts are checked against the bytes that are left
// before anything is allocated.
//
// All functions are pure; a reader keeps nothing of the bytes it was given.

namespace dynamo {

/// How the payloads that changed over time are written. All are read.
enum class payload_generation : std::uint8_t {
  /// Dynamo up to 1.3: one kv event and one active sequence event a message,
  /// no residency domain.
  v1_3,
  /// Dynamo 1.4 and later over ZMQ: arrays of kv events, batches of active
  /// sequence events.
  v1_4,
  /// Dynamo 1.4 and later over NATS: as v1_4, but active sequence events go
  /// one a message.
  v1_4_nats,
};

/// What a reader does with an event of an array that it cannot read.
enum class unreadable_policy : std::uint8_t {
  /// The whole payload fails, as in Dynamo.
  fail,
  /// The event is left out and counted. Where the bytes are no msgpack nobody
  /// knows where the next event begins: what is left counts as one. A payload
  /// of which nothing is left fails with the reason of its first event.
  skip,
};

/// What a reader left out of an array.
struct skipped_events {
  std::size_t count = 0;
  /// Why the first one could not be read; present when there is one.
  std::optional<error> first_reason;
};

// -- Any topic ----------------------------------------------------------------

/// Appends the payload of one message to `out`. Where the generation wants one
/// event a message, kv events and active sequence events must have exactly one
/// element; the split functions below see to that.
void encode_event(const event& value, payload_generation generation,
                  byte_buffer& out);

/// Reads the payload of a message whose topic carries `kind`; `raw` copies it.
/// Errors: errc::truncated, errc::malformed, errc::unsupported (an unknown
/// storage tier or variant), errc::too_large (a batch beyond its limit); the
/// message names what was expected and the offset.
result<event> decode_event(event_kind kind, byte_view payload);

/// The same under unreadable_policy::skip; `skipped` becomes what was left
/// out, nothing after an error.
result<event> decode_event(event_kind kind, byte_view payload,
                           skipped_events& skipped);

// -- kv-events ----------------------------------------------------------------

/// How many of `events`, from the first, go into the next message: as many as
/// the limits of events/kv_cache.hpp allow, at least one. 0 when it is empty.
std::size_t kv_events_in_message(std::span<const router_event> events,
                                 payload_generation generation);

/// Appends the payload of one message with these events to `out`.
void encode_kv_events(std::span<const router_event> events,
                      payload_generation generation, byte_buffer& out);

/// Divides events into messages, in their order. The events are moved.
std::vector<kv_events> split_kv_events(kv_events events,
                                       payload_generation generation);

/// Appends the events of a payload, an array or one map, to `out` and returns
/// what was skipped; `fail` skips none. After an error `out` may hold the
/// events before the bad one.
result<skipped_events>
decode_kv_events(byte_view payload, unreadable_policy policy, kv_events& out);

// -- active_sequences_events --------------------------------------------------

/// Appends the payload of one message with these events to `out`.
void encode_active_sequences(std::span<const active_sequence_event> events,
                             payload_generation generation, byte_buffer& out);

/// Divides events into messages that readers accept, in their order.
std::vector<active_sequence_events>
split_active_sequences(active_sequence_events events,
                       payload_generation generation);

/// Appends the events of a payload, a batch or a single event, to `out` and
/// returns what was skipped, as decode_kv_events does. A batch of more than
/// active_sequence_events_per_message_max is errc::too_large.
result<skipped_events> decode_active_sequences(byte_view payload,
                                               unreadable_policy policy,
                                               active_sequence_events& out);

// -- kv_metrics, session_affinity_events, forward-pass-metrics ----------------

void encode_active_load(const active_load& load, byte_buffer& out);
result<active_load> decode_active_load(byte_view payload);

void encode_session_affinity(const session_affinity_update& update,
                             byte_buffer& out);
result<session_affinity_update> decode_session_affinity(byte_view payload);

/// Every field has a zero default on read, `version` too: a reader that ignores
/// all versions but 1 ignores a map without one.
void encode_forward_pass(const forward_pass_metrics& pass, byte_buffer& out);
result<forward_pass_metrics> decode_forward_pass(byte_view payload);

// -- active-sequence-state, a topic of ours -----------------------------------

void encode_sequence_state(const sequence_state& state, byte_buffer& out);

/// Refuses a snapshot beyond the limits of events/sequence_state.hpp
/// (errc::too_large), a part that is none of its parts, and a request whose
/// event is no AddRequest (errc::malformed).
result<sequence_state> decode_sequence_state(byte_view payload);

// -- Payloads of Dynamo 1.0 that nobody sends today ---------------------------

void encode_kv_cache_events(const kv_cache_events& changes, byte_buffer& out);
result<kv_cache_events> decode_kv_cache_events(byte_view payload);

void encode_prefill_event(const prefill_event& progress, byte_buffer& out);
result<prefill_event> decode_prefill_event(byte_view payload);

void encode_active_block_event(const active_block_event& change,
                               byte_buffer& out);
result<active_block_event> decode_active_block_event(byte_view payload);

} // namespace dynamo
