#pragma once

#include <cstdint>
#include <string>

namespace dynamo {

/// Requests that took part in a forward pass. Variances are those of the
/// population.
struct scheduled_requests {
  std::uint64_t num_prefill_requests = 0;
  std::uint64_t sum_prefill_tokens = 0;
  double var_prefill_length = 0;
  std::uint64_t sum_prefill_kv_tokens = 0;
  std::uint64_t num_decode_requests = 0;
  std::uint64_t sum_decode_kv_tokens = 0;
  double var_decode_kv_tokens = 0;

  bool operator==(const scheduled_requests&) const = default;
};

/// Requests that wait for a place.
struct queued_requests {
  std::uint64_t num_prefill_requests = 0;
  std::uint64_t sum_prefill_tokens = 0;
  double var_prefill_length = 0;
  std::uint64_t num_decode_requests = 0;
  std::uint64_t sum_decode_kv_tokens = 0;
  double var_decode_kv_tokens = 0;

  bool operator==(const queued_requests&) const = default;
};

/// One forward pass of an engine; all zero in the heartbeat of an idle one.
struct forward_pass_metrics {
  /// Readers ignore every version but 1.
  std::uint64_t version = 1;
  std::string worker_id;
  std::uint64_t dp_rank = 0;
  /// Counts from 1 per rank, heartbeats included.
  std::uint64_t counter_id = 0;
  /// Of the pass, in seconds.
  double wall_time = 0;
  scheduled_requests scheduled;
  queued_requests queued;

  bool operator==(const forward_pass_metrics&) const = default;
};

} // namespace dynamo
