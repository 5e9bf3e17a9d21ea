#pragma once

#include "apps/loadgen/accounting.hpp"
#include "apps/loadgen/measurement.hpp"
#include "apps/loadgen/trace.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dynamo::apps {

/// All that a run found out.
struct replay_report {
  /// Requests of the trace that each policy was given.
  std::size_t requests = 0;
  /// Whether it was stopped before the end.
  bool is_interrupted = false;
  /// In the order of the run.
  std::vector<policy_summary> policies;
  /// One cache without bounds. Nothing asked: not computed.
  block_counts ideal;
  /// Caches of the size and number that there were.
  block_counts ideal_caches;
  std::vector<stream_account> streams;
};

/// Rows of cells as aligned lines: the first column to the left, the others to
/// the right, two spaces between.
std::string layout(const std::vector<std::vector<std::string>>& rows);

/// A table of the policies and one of the streams, for people.
std::string to_text(const replay_report& report);

/// One JSON document in one line.
std::string to_json(const replay_report& report);

} // namespace dynamo::apps
