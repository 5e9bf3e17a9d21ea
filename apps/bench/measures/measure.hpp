#pragma once

#include "apps/bench/contender.hpp"
#include "apps/bench/turns.hpp"
#include "dynamo/base/error.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dynamo::apps {

/// What a run of the benchmark is asked for.
struct run_options {
  /// How often the sides take turns.
  std::size_t pairs = 5;
  /// So little work that figures mean nothing: it shows that everything runs.
  bool is_quick = false;
  /// The program of apps/bench/peers/dynamo; nothing: it is left out.
  std::optional<std::string> dynamo_peer;
  /// Where the traces are.
  std::string traces = "traces";
  /// Asked before each run; may be empty.
  std::function<bool()> is_stopping{};
  /// Of the measure "soak".
  double soak_minutes = 10;
  /// Only cases with this in their names.
  std::string only{};
};

/// One measure: its cases, each run in turn with its baselines.
struct measure {
  std::string name;
  std::string summary;
  result<std::vector<comparison>> (*run)(const run_options&,
                                         const progress_sink&);
};

/// All of them, in the order of the report.
const std::vector<measure>& measures();

// -- The sides that measures choose from

/// This program in the role, with our event plane or with bare sockets.
contender ours();
contender raw();
/// Dynamo's crates; `source` is "generic" or "validated".
contender dynamo_peer(const run_options& options, const std::string& source);

/// `small` with --quick, else `full`.
template <class T>
T sized(const run_options& options, T full, T small) {
  return options.is_quick ? small : full;
}

/// The turns of some cases, one after the other, of those that are wanted.
result<std::vector<comparison>> run_cases(const std::vector<turns>& cases,
                                          const run_options& options,
                                          const progress_sink& progress);

// -- The measures

result<std::vector<comparison>> run_codec_measure(const run_options&,
                                                  const progress_sink&);
result<std::vector<comparison>> run_publish(const run_options&,
                                            const progress_sink&);
result<std::vector<comparison>> run_receive(const run_options&,
                                            const progress_sink&);
result<std::vector<comparison>> run_end_to_end(const run_options&,
                                               const progress_sink&);
result<std::vector<comparison>> run_round_trip(const run_options&,
                                               const progress_sink&);
result<std::vector<comparison>> run_threads(const run_options&,
                                            const progress_sink&);
result<std::vector<comparison>> run_fan(const run_options&,
                                        const progress_sink&);
result<std::vector<comparison>> run_ingest(const run_options&,
                                           const progress_sink&);
result<std::vector<comparison>> run_index(const run_options&,
                                          const progress_sink&);
result<std::vector<comparison>> run_route_measure(const run_options&,
                                                  const progress_sink&);
result<std::vector<comparison>> run_join(const run_options&,
                                         const progress_sink&);
result<std::vector<comparison>> run_idle(const run_options&,
                                         const progress_sink&);
result<std::vector<comparison>> run_reconnect(const run_options&,
                                              const progress_sink&);
result<std::vector<comparison>> run_soak(const run_options&,
                                         const progress_sink&);

} // namespace dynamo::apps
