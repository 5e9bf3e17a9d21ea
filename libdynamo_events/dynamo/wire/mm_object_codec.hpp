#pragma once

#include "dynamo/events/kv_cache.hpp"
#include "dynamo/wire/msgpack.hpp"

#include <vector>

namespace dynamo {

/// Writes what a block holds of pictures, sounds and films. A block without
/// has a nil in its place.
void write_mm_objects(msgpack_writer& out,
                      const std::vector<mm_object>& objects);

/// Reads what write_mm_objects wrote; the objects are appended to `out`.
void read_mm_objects(msgpack_reader& in, std::vector<mm_object>& out);

} // namespace dynamo
