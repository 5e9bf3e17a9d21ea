#pragma once

#include "apps/bench/roles/role_console.hpp"
#include "dynamo/base/error.hpp"

#include <cstdint>
#include <string>

namespace CLI {
class App;
} // namespace CLI

namespace dynamo::apps {

/// The indexes that can be measured.
enum class index_kind {
  /// flat_index, the router's.
  flat,
  /// tree_index, with Dynamo's rules.
  tree,
  /// map_index, a baseline.
  map,
};

enum class index_phase { ingest, mixed, memory };

struct index_options_of_bench {
  std::string trace;
  index_kind which = index_kind::flat;
  /// 0: events are applied in the thread that has them; 1: another thread
  /// applies them, behind a queue.
  std::size_t threads = 0;
  std::size_t workers = 16;
  std::size_t capacity = 16'384;
  std::uint64_t warm_cycles = 1;
  std::uint64_t cycles = 8;
  /// Requests a second of the mixed phase; 0: no pause.
  double request_rate = 0;
  index_phase phase = index_phase::ingest;
  /// Requests of the trace; 0: all.
  std::size_t requests = 0;
};

void add_index(CLI::App& app, index_options_of_bench& to);

/// Plays a trace_workload into an index, as apps/bench/README.md says, and says
/// one result.
status run_index_role(const index_options_of_bench& options,
                      role_console& console);

} // namespace dynamo::apps
