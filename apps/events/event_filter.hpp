#pragma once

#include "dynamo/events/event.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace dynamo::apps {

enum class kv_change { stored, removed, cleared };

/// Which events somebody wants to see; what is not set lets all pass.
struct event_filter {
  std::optional<std::uint64_t> publisher_id;
  std::optional<std::uint64_t> worker_id;
  std::optional<std::uint32_t> dp_rank;
  /// Only kv-events have a kind: with it set, no other topic passes.
  std::optional<kv_change> kind;
};

/// What of an event passes: of kv-events and sequence events those that match,
/// of others all or nothing. A raw event passes no filter on what is in it.
/// publisher_id is for the caller to compare.
std::optional<event> matching(const event_filter& filter, const event& value);

} // namespace dynamo::apps
