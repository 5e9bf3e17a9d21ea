#pragma once

#include <cstddef>

namespace dynamo::actors {

/// What a thread has just put into a publisher's buffer.
struct pushed_event {
  std::size_t bytes = 0;
  /// Nobody has been told of what waits.
  bool is_first = false;
  /// It can share a message with others that wait: these are worth gathering.
  bool travels_in_company = false;
};

/// Larger events are encoded by the publisher's actor, so that an engine pays
/// little more than for the wake-up that it is spared.
inline constexpr std::size_t encoded_at_once_bytes_max = 4096;
/// A publishing thread sends so many messages at once, with what waited before.
inline constexpr std::size_t messages_at_once = 8;

} // namespace dynamo::actors
