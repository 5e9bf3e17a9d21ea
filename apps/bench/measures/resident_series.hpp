#pragma once

#include "dynamo/base/mutex.hpp"

#include <chrono>
#include <cstddef>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace dynamo::apps {

/// The slope of the straight line that fits the points best (least squares), in
/// y for each x; 0 of less than two.
double slope_of(const std::vector<double>& x, const std::vector<double>& y);

/// The resident memory of processes, read every second by a thread of its own
/// from its making to its end or theirs.
class resident_series {
 public:
  explicit resident_series(std::vector<pid_t> processes);
  ~resident_series();
  resident_series(const resident_series&) = delete;
  resident_series& operator=(const resident_series&) = delete;

  /// What the process at that place grew by, over the last two thirds: while it
  /// begins, everything fills up.
  double growth_kib_per_minute(std::size_t process);

 private:
  void run();
  /// False when it is to end first.
  bool sleep_until(std::chrono::steady_clock::time_point due);

  const std::vector<pid_t> processes_;
  mutex mutex_;
  condition ends_;
  bool is_ending_ DYNAMO_GUARDED_BY(mutex_) = false;
  std::vector<double> minutes_ DYNAMO_GUARDED_BY(mutex_);
  /// Of each process, at these times.
  std::vector<std::vector<double>> kib_ DYNAMO_GUARDED_BY(mutex_);
  std::thread thread_;
};

} // namespace dynamo::apps
