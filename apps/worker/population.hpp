#pragma once

#include <cstdint>

namespace dynamo::apps {

/// Count, sum and variance of numbers that are added one by one (Welford's
/// method, which does not lose small differences between large numbers). Pure.
class population {
 public:
  void add(std::uint64_t value) {
    ++count_;
    sum_ += value;
    const double number = static_cast<double>(value);
    const double before = number - mean_;
    mean_ += before / static_cast<double>(count_);
    squares_ += before * (number - mean_);
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  /// Of the whole population; 0 when it is empty.
  double variance() const {
    return count_ == 0 ? 0 : squares_ / static_cast<double>(count_);
  }

 private:
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

} // namespace dynamo::apps
