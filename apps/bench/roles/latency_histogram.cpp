#include "apps/bench/roles/latency_histogram.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>

namespace dynamo::apps {

// Below 128 every value has a place; above, the leading eight bits say which.
std::size_t latency_histogram::place_of(std::uint64_t ns) {
  if (ns < steps) {
    return static_cast<std::size_t>(ns);
  }
  const unsigned shift =
      static_cast<unsigned>(std::bit_width(ns)) - step_bits - 1;
  return shift * steps + static_cast<std::size_t>(ns >> shift);
}

std::uint64_t latency_histogram::highest_in(std::size_t place) {
  if (place < 2 * steps) {
    return place;
  }
  const std::size_t shift = place / steps - 1;
  const std::uint64_t leading = place - shift * steps;
  return ((leading + 1) << shift) - 1;
}

void latency_histogram::add(std::uint64_t ns) {
  ++counts_[place_of(ns)];
  ++count_;
  max_ = std::max(max_, ns);
}

latency_histogram&
latency_histogram::operator+=(const latency_histogram& other) {
  for (std::size_t place = 0; place < counts_.size(); ++place) {
    counts_[place] += other.counts_[place];
  }
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  return *this;
}

std::uint64_t latency_histogram::at(double fraction) const {
  const double wanted = std::ceil(static_cast<double>(count_) * fraction);
  const auto rank = std::max<std::uint64_t>(
      1, std::min(count_, static_cast<std::uint64_t>(wanted)));
  std::uint64_t seen = 0;
  for (std::size_t place = 0; place < counts_.size(); ++place) {
    seen += counts_[place];
    if (seen >= rank) {
      return std::min(max_, highest_in(place));
    }
  }
  return 0;
}

nlohmann::json latency_histogram::percentiles_json() const {
  return {{"p50", at(0.5)},
          {"p90", at(0.9)},
          {"p99", at(0.99)},
          {"p999", at(0.999)},
          {"max", max_}};
}

} // namespace dynamo::apps
