#include "dynamo/events/stream_tracker.hpp"

#include <algorithm>

namespace dynamo {

// Step 5 of the receive path: each envelope's number is compared with the one
// that is due.
observation stream_tracker::observe(std::uint64_t sequence,
                                    std::uint64_t published_at_ms) {
  observation seen;
  if (sequence < counts_.next_sequence) {
    // A repeated message carries its old time, a new life a later one.
    if (sequence != 0 || published_at_ms <= newest_ms_) {
      ++counts_.duplicates;
      return {arrival::duplicate, 0};
    }
    ++counts_.restarts;
    seen = {arrival::restart, 0};
  } else if (sequence > counts_.next_sequence) {
    seen = {arrival::gap, sequence - counts_.next_sequence};
    ++counts_.gaps;
    counts_.missed += seen.missed;
  }
  ++counts_.received;
  counts_.next_sequence = sequence + 1;
  newest_ms_ = std::max(newest_ms_, published_at_ms);
  return seen;
}

} // namespace dynamo
