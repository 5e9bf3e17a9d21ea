#pragma once

#include "apps/loadgen/trace.hpp"
#include "dynamo/config/options.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace dynamo::apps {

struct prediction_bench_options {
  std::size_t workers = 8;
  std::uint64_t decisions = 10'000'000;
  /// So many seconds of the trace are one second of the predictor.
  std::uint64_t speed = 1;
  /// How often the state is shown.
  std::size_t looks = 10;
  prediction_options prediction;
};

/// What prediction has and costs after so many decisions.
struct prediction_look {
  std::uint64_t decisions = 0;
  /// (rank, block) pairs that are believed in.
  std::uint64_t pairs = 0;
  std::uint64_t pruned = 0;
  std::uint64_t expired = 0;
  /// Of the predictor, its index included.
  std::uint64_t heap_bytes = 0;
  /// Of the process.
  std::uint64_t resident_bytes = 0;
  /// Since the look before, in decisions per second.
  double per_second = 0;
};

/// Plays a trace over and over, with other block numbers each time, and lets a
/// predictor believe in every decision; workers take turns, and time is that of
/// the trace. `shown` is called for each look as it is made.
std::vector<prediction_look>
bench_prediction(const std::vector<trace_request>& trace,
                 const prediction_bench_options& options,
                 const std::function<void(const prediction_look&)>& shown);

/// Whether memory stopped growing: in the second half it is nowhere more than a
/// twentieth above what it was half-way.
bool is_flat(const std::vector<prediction_look>& looks);

} // namespace dynamo::apps
