#pragma once

#include "apps/bench/roles/ends.hpp"
#include "apps/bench/roles/role_console.hpp"
#include "dynamo/base/error.hpp"

#include <cstddef>
#include <cstdint>

namespace CLI {
class App;
} // namespace CLI

namespace dynamo::apps {

struct route_options {
  /// How many publishers of kv-events there are: workers 1, 2, ...
  end_request end;
  /// Workers to choose from; those beyond the publishers hold nothing.
  std::size_t workers = 1000;
  /// Blocks of each chunk of a kv_workload; a request has eight.
  std::uint64_t blocks = 13;
  std::uint64_t count = 20'000;
  /// Requests a second; 0: one after the other.
  double rate = 0;
  /// So many requests of the workload each publisher stores and removes in a
  /// second: prompts are of those that should be there just now. 0: any.
  double stored_per_s = 0;
  /// Ask by POST /route, over one connection of HTTP, instead of in the
  /// process.
  bool over_http = false;
};

void add_route(CLI::App& app, route_options& to);

/// A router as programs have it. Makes the workers known, says "ready" when it
/// knows them all, and "warm" when it follows all publishers; at "go" it
/// chooses for one request after the other and says how long that took its
/// caller. Each request ends before the next one begins.
status run_route(const route_options& options, role_console& console);

} // namespace dynamo::apps
