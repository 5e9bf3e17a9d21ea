#pragma once

#include "apps/bench/event_stream.hpp"
#include "dynamo/router/prefix_index.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dynamo::apps {

/// An index under test.
struct bench_candidate {
  std::string name;
  std::function<std::unique_ptr<prefix_index>()> make;
};

struct bench_options {
  /// How often each candidate is measured, in turn.
  std::size_t repeats = 5;
  /// Threads that look up beside the writer.
  std::size_t readers = 1;
};

/// What one candidate did: medians of all repeats.
struct bench_row {
  std::string name;
  /// Stored and removed blocks a second, in millions, nobody looking.
  double ingest = 0;
  /// Asked, stored and removed blocks a second, in millions, each request being
  /// looked up before its events are applied.
  double mixed = 0;
  /// Lookups of all requests in the full index, one thread, in microseconds.
  double idle_p50_us = 0;
  double idle_p99_us = 0;
  /// The same by all readers while the events are applied at full rate.
  double beside_p50_us = 0;
  double beside_p99_us = 0;
  /// Lookups a second of all readers together, in thousands.
  double beside_lookups = 0;
  /// Ingest meanwhile.
  double beside_ingest = 0;
  /// Memory for each (rank, block) pair at the end.
  double bytes_per_pair = 0;
  /// Blocks that all lookups found, to compare the answers.
  std::uint64_t matched = 0;
};

/// Measures all candidates on the same stream, alternating, so that a busy
/// machine hurts all of them alike.
std::vector<bench_row> bench_indexes(const event_stream& stream,
                                     const std::vector<bench_candidate>& all,
                                     const bench_options& options);

} // namespace dynamo::apps
