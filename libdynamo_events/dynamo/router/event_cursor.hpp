#pragma once

#include <cstdint>
#include <optional>

namespace dynamo {

/// What one event id says about its rank's events.
enum class event_step {
  /// The first one seen; any id.
  first,
  /// The one that was due.
  contiguous,
  /// Was here before, or came after later ones: drop it.
  stale,
  /// Beyond the one that was due: some are missing.
  gap,
};

struct event_observation {
  event_step what = event_step::first;
  /// Events that are missing before this one. Ids count from 1 (some senders
  /// begin at 0), so some are missing before a first id beyond that, too; but
  /// any sender may begin anywhere, so the number is a guess then.
  std::uint64_t missed = 0;
};

/// Follows the event ids of one rank, across messages.
class event_cursor {
 public:
  event_observation observe(std::uint64_t event_id);

  /// The newest id seen; nothing before the first.
  std::optional<std::uint64_t> last() const { return last_; }

  /// Begins again, as before the first event.
  void reset() { last_.reset(); }

 private:
  std::optional<std::uint64_t> last_;
};

} // namespace dynamo
