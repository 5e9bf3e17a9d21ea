#pragma once

#include "dynamo/events/kv_cache.hpp"
#include "dynamo/wire/msgpack.hpp"

#include <span>
#include <vector>

// The blocks of a stored event: most of what kv-events consist of.

namespace dynamo {

/// The blocks, without the head of their array.
void write_kv_blocks(msgpack_writer& out, std::span<const kv_block> blocks);

/// The array, whose blocks are appended. Failures are those of msgpack_reader.
void read_kv_blocks(msgpack_reader& in, std::vector<kv_block>& blocks);

} // namespace dynamo
