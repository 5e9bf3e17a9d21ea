#pragma once

#include "dynamo/wire/engine_codec.hpp"
#include "dynamo/wire/msgpack.hpp"

namespace dynamo {

/// Reads one event of an engine's batch. When it cannot be read, the reader
/// has failed; an unknown tag is no failure.
engine_event read_engine_event(msgpack_reader& in);

} // namespace dynamo
