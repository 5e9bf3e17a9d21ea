#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/events/envelope.hpp"

// What travels around every event, as msgpack: a map with string keys, always
// in this order, every number and length in its smallest encoding.
//
//   85                                  map of 5
//   ac "publisher_id"  uint             of the publisher incarnation
//   a8 "sequence"      uint             per publisher, from 0
//   ac "published_at"  uint             ms since the Unix epoch
//   a5 "topic"         str              bare topic, never encoded
//   a7 "payload"       bin              usually msgpack itself
//
// The envelope is the body of a NATS message, and the payload of a frame
// (wire/frame.hpp) in part 3 of a ZMQ message.

namespace dynamo {

/// Step 3 of the publish path. Appends the envelope to `out`, which must not
/// hold what `value` borrows. errc::too_large when topic or payload has 4 GiB
/// or more; `out` is as it was then.
status encode_envelope(const envelope& value, byte_buffer& out);

/// Step 5 of the receive path. Topic and payload of the result point into
/// `bytes`.
///
/// Accepted beyond what we write: keys in any order, unknown keys (skipped),
/// wider integers, a payload that is a str, an array of the five values in
/// their order, and bytes behind the envelope (ignored). Refused as malformed:
/// a key that is missing, a known key that comes twice, a value that is nil
/// or of another type. A payload that is an array of integers, which no
/// release ever sent, is refused too, since it cannot be borrowed.
/// errc::truncated when the bytes end too early.
result<envelope> decode_envelope(byte_view bytes);

} // namespace dynamo
