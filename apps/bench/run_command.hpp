#pragma once

#include "apps/app/application.hpp"
#include "apps/bench/measures/measure.hpp"
#include "dynamo/base/error.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
} // namespace CLI

namespace dynamo::apps {

/// What `dynamo-bench run` is told.
struct run_flags {
  run_options options;
  /// Empty: all but the soak.
  std::vector<std::string> measures;
  /// Where all figures go; empty: nowhere.
  std::string report;
  std::string dynamo_peer;
};

void add_run(CLI::App& command, run_flags& to);

/// Runs the measures, shows a table of each as soon as it is there, and writes
/// the report. Fails when a measure cannot be run, or when something was lost
/// that must not be; a missed target is no failure.
status run_measures(application& app, const run_flags& flags);

} // namespace dynamo::apps
