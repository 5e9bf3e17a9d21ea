#pragma once

#include "dynamo/wire/event_codec.hpp"
#include "dynamo/wire/struct_reader.hpp"

#include <cstddef>
#include <vector>

// The array of events that a payload holds, shared by kv-events and
// active_sequences_events.

namespace dynamo {

/// Room is made at once for at most so many events; an event is large in
/// memory and may announce itself in a single byte.
inline constexpr std::size_t reserved_events_max = 256;

/// Reads an array of events; `read` reads one into the place it is given. The
/// good ones are appended to `out`; returns how many were skipped. Unless the
/// policy allows that, the reader has failed when one was bad.
template <class Event, class Read>
std::size_t read_events(msgpack_reader& in, bad_event_policy policy,
                        std::vector<Event>& out, Read read) {
  const std::size_t count = in.read_array_header();
  if (out.empty()) {
    out.reserve(std::min(count, reserved_events_max));
  }
  std::size_t skipped = 0;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const msgpack_reader start = in;
    read(out.emplace_back());
    if (in.ok()) {
      continue;
    }
    out.pop_back();
    if (policy == bad_event_policy::skip) {
      in = start;
      in.skip();
      skipped += in.ok() ? 1 : 0;
    }
  }
  return skipped;
}

/// Reads a payload that is one event.
template <class Event, class Read>
std::size_t read_one_event(msgpack_reader& in, std::vector<Event>& out,
                           Read read) {
  read(out.emplace_back());
  if (!in.ok()) {
    out.pop_back();
  }
  return 0;
}

} // namespace dynamo
