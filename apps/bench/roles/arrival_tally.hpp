#pragma once

#include "apps/bench/roles/ends.hpp"
#include "apps/bench/roles/latency_histogram.hpp"
#include "dynamo/base/mutex.hpp"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace dynamo::apps {

/// Counts and times what arrives. `take` is called from one thread at a time;
/// `is_warm`, `is_complete` and `received` from any; `result_json` when no more
/// arrives.
class arrival_tally {
 public:
  arrival_tally(std::size_t publishers, std::uint64_t expected_each);

  void take(const arrival_view& message);

  /// Whether every publisher was heard.
  bool is_warm() const { return warm_.load(std::memory_order_acquire); }
  bool is_complete() const { return done_.load(std::memory_order_acquire); }
  std::uint64_t received() const {
    return received_.load(std::memory_order_relaxed);
  }

  nlohmann::json result_json();

 private:
  struct publisher {
    std::uint64_t id = 0;
    std::uint64_t next_index = 0;
    std::uint64_t received = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t reordered = 0;
  };

  publisher& publisher_of(std::uint64_t id);
  void begin(std::uint64_t now);

  const std::size_t publishers_expected_;
  const std::uint64_t expected_;
  std::vector<publisher> publishers_;
  /// Of the first, second and last third of what is expected.
  std::array<latency_histogram, 3> latencies_;
  std::uint64_t first_ns_ = 0;
  std::uint64_t last_ns_ = 0;
  double cpu_first_s_ = 0;
  double cpu_last_s_ = 0;
  std::uint64_t allocations_first_ = 0;
  std::uint64_t allocations_last_ = 0;
  std::atomic<std::uint64_t> received_ = 0;
  std::atomic<bool> warm_ = false;
  std::atomic<bool> done_ = false;
};

} // namespace dynamo::apps
