#pragma once

#include "apps/bench/roles/ends.hpp"
#include "apps/bench/roles/role_console.hpp"
#include "dynamo/base/error.hpp"

#include <cstdint>

namespace CLI {
class App;
} // namespace CLI

namespace dynamo::apps {

struct kv_pub_options {
  end_request end;
  /// Events of each publisher.
  std::uint64_t events = 100'000;
  std::size_t events_per_message = 1;
  std::uint64_t blocks = 8;
  /// Events a second of each publisher; 0: as fast as it goes.
  double rate = 0;
};

struct kv_index_options {
  end_request end;
  /// Events of all publishers.
  std::uint64_t expected = 100'000;
};

void add_kv_pub(CLI::App& app, kv_pub_options& to);

/// Publishes kv_workloads, encoded before it begins: one worker for each
/// publisher. Warm-up messages are empty arrays.
status run_kv_pub(kv_pub_options options, role_console& console);

/// Follows the publishers as a router does, down to its index: a kv_router that
/// binds each publisher to the rank of its first event. At the end it looks up
/// every request that must be there.
status run_kv_index(kv_index_options options, role_console& console);

} // namespace dynamo::apps
