#pragma once

#include "dynamo/events/sequence.hpp"
#include "dynamo/wire/msgpack.hpp"

// One active sequence event within a payload: active_sequences_events and
// active-sequence-state have the same. Its bytes are in sequence_codec.cpp.

namespace dynamo {

void write_sequence_event(msgpack_writer& out,
                          const active_sequence_event& event);

/// Failures are those of the reader.
void read_sequence_event(msgpack_reader& in, active_sequence_event& event);

} // namespace dynamo
