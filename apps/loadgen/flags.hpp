#pragma once

#include "apps/app/program.hpp"
#include "apps/loadgen/policy.hpp"
#include "apps/loadgen/trace.hpp"
#include "dynamo/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dynamo::apps {

/// The flags that are no part of the configuration.
struct loadgen_flags {
  /// Replicas; the first one is watched.
  std::vector<std::string> routers;
  std::string predict_router;
  std::string trace;
  std::vector<std::string> policies;
  trace_range range;
  std::optional<double> speed;
  std::string send = "tokens";
  std::size_t concurrency_max = 256;
  std::uint64_t seed = 1;
  std::uint64_t wait_ms = 10'000;
  std::uint64_t timeout_ms = 60'000;
  std::uint64_t drain_ms = 10'000;
  bool output_blocks = false;
  bool keep_caches = false;
  bool no_ideal = false;
  bool progress_json = false;
};

/// The program with these flags, which outlive it.
program loadgen_program(loadgen_flags& flags);

/// The policies that are asked for. errc::invalid when a flag is missing that
/// one of them needs.
result<std::vector<policy_kind>> policies_of(const loadgen_flags& flags);

} // namespace dynamo::apps
