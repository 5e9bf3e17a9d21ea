#pragma once

#include "dynamo/wire/event_codec.hpp"
#include "dynamo/wire/struct_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

// The array of events that a payload holds, shared by kv-events and
// active_sequences_events.

namespace dynamo {

/// Room is made at once for at most so many events; an event is large in
/// memory and may announce itself in a single byte.
inline constexpr std::size_t reserved_events_max = 256;

/// Adds one to what was left out, for the reader's failure.
inline void count_skipped(const msgpack_reader& in, std::string_view what,
                          skipped_events& skipped) {
  if (++skipped.count == 1) {
    skipped.first_reason = in.failure(what);
  }
}

/// Reads an array of events; `read` reads one into the place it is given. The
/// good ones are appended to `out`; returns what was skipped. The reader has
/// failed when one was bad and the policy does not allow that, or when the end
/// of a bad one cannot be found.
template <class Event, class Read>
skipped_events read_events(msgpack_reader& in, unreadable_policy policy,
                           std::string_view what, std::vector<Event>& out,
                           Read read) {
  const std::size_t count = in.read_array_header();
  if (out.empty()) {
    out.reserve(std::min(count, reserved_events_max));
  }
  skipped_events skipped;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const msgpack_reader start = in;
    read(out.emplace_back());
    if (in.ok()) {
      continue;
    }
    out.pop_back();
    if (policy == unreadable_policy::skip) {
      msgpack_reader next = start;
      next.skip();
      if (next.ok()) {
        count_skipped(in, what, skipped);
      }
      in = next;
    }
  }
  return skipped;
}

/// Reads a payload that is one event.
template <class Event, class Read>
skipped_events read_one_event(msgpack_reader& in, std::vector<Event>& out,
                              Read read) {
  read(out.emplace_back());
  if (!in.ok()) {
    out.pop_back();
  }
  return {};
}

/// The answer of a decoder that read `count` events of a payload and skipped
/// `skipped`: an error when the reader failed, or when nothing but bad events
/// came, unless the policy makes do with what there is.
inline result<skipped_events>
answer_of(const msgpack_reader& in, unreadable_policy policy,
          std::string_view what, std::size_t count, skipped_events skipped) {
  if (!in.ok()) {
    if (policy == unreadable_policy::fail) {
      return in.failure(what);
    }
    count_skipped(in, what, skipped);
  }
  if (skipped.count > 0 && count == 0) {
    return *std::move(skipped.first_reason);
  }
  return skipped;
}

} // namespace dynamo
