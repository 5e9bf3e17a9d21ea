#pragma once

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace dynamo::apps {

/// Counts of durations, each within 1/128 of what it was, in memory that does
/// not grow: 128 steps for each power of two, as HdrHistogram has them.
class latency_histogram {
 public:
  void add(std::uint64_t ns);
  latency_histogram& operator+=(const latency_histogram& other);

  std::uint64_t count() const { return count_; }
  /// The value at `fraction` (0 to 1) by nearest rank, at most 1/128 above what
  /// it was; 0 of nothing.
  std::uint64_t at(double fraction) const;
  /// {"p50", "p90", "p99", "p999", "max"}, all 0 of nothing; the maximum is
  /// exact.
  nlohmann::json percentiles_json() const;

 private:
  static constexpr unsigned step_bits = 7;
  static constexpr std::size_t steps = std::size_t{1} << step_bits;

  static std::size_t place_of(std::uint64_t ns);
  static std::uint64_t highest_in(std::size_t place);

  std::array<std::uint64_t, (64 - step_bits + 1) * steps> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

} // namespace dynamo::apps
