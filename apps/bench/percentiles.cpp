#include "apps/bench/percentiles.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace dynamo::apps {

std::uint64_t percentile(std::span<std::uint64_t> values, double fraction) {
  if (values.empty()) {
    return 0;
  }
  const double wanted =
      std::ceil(static_cast<double>(values.size()) * fraction);
  const auto rank = std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1,
                                            values.size());
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

nlohmann::json percentiles_json(std::span<std::uint64_t> values) {
  return {{"p50", percentile(values, 0.5)},
          {"p90", percentile(values, 0.9)},
          {"p99", percentile(values, 0.99)},
          {"p999", percentile(values, 0.999)},
          {"max", percentile(values, 1)}};
}

} // namespace dynamo::apps
