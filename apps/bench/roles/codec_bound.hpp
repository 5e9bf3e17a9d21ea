#pragma once

#include "dynamo/events/envelope.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/load.hpp"
#include "dynamo/events/sequence.hpp"

#include <cstddef>

// What the codec of wire/ is measured against: the same bytes, written and read
// by code that knows the order of the keys, the presence of each field and how
// long everything is at most. It still writes integers in their smallest
// encoding, reads them in any, and looks where the bytes end. It can do nothing
// else: no other order, no unknown key, no reason for a failure.

namespace dynamo::apps::bound {

/// Each writes to memory that is large enough, and returns the end.
std::uint8_t* encode(std::uint8_t* at, const envelope& value);
/// One event of stored blocks on a device, without what is optional.
std::uint8_t* encode(std::uint8_t* at, const router_event& value);
std::uint8_t* encode(std::uint8_t* at, const active_load& value);
/// An AddRequest with its sequence and nothing else that is optional.
std::uint8_t* encode(std::uint8_t* at, const active_sequence_event& value);

/// Each returns false for anything but what is written above.
bool decode(byte_view bytes, envelope& value);
bool decode(byte_view bytes, router_event& value);
bool decode(byte_view bytes, active_load& value);
bool decode(byte_view bytes, active_sequence_event& value);

/// More bytes than a value of so many blocks takes.
constexpr std::size_t room_for(std::size_t blocks) {
  return 1024 + 64 * blocks;
}

} // namespace dynamo::apps::bound
