#pragma once

#include <cstdint>

namespace dynamo {

/// What one sequence number says about a publisher's stream.
enum class arrival {
  /// The one that was due.
  next,
  /// Beyond the one that was due: some are missing. The first message of a
  /// stream is compared with 0, so that a late start is a gap too.
  gap,
  /// Was here before, or came after later ones: drop it.
  duplicate,
  /// The publisher began again at 0 under the same id.
  restart,
};

struct observation {
  arrival what = arrival::next;
  /// With `gap`: how many are missing.
  std::uint64_t missed = 0;
};

/// Totals of one publisher's stream. published so far = next_sequence
/// (restarts aside) = received + missed.
struct stream_counts {
  std::uint64_t received = 0;
  std::uint64_t missed = 0;
  std::uint64_t gaps = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t restarts = 0;
  /// The sequence number that is due.
  std::uint64_t next_sequence = 0;
};

/// Follows the sequence numbers of one publisher.
class stream_tracker {
 public:
  /// `published_at_ms` tells a restart from a repeated first message.
  observation observe(std::uint64_t sequence, std::uint64_t published_at_ms);

  const stream_counts& counts() const { return counts_; }

 private:
  stream_counts counts_;
  std::uint64_t newest_ms_ = 0;
};

} // namespace dynamo
