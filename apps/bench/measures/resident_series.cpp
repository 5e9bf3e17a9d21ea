#include "apps/bench/measures/resident_series.hpp"

#include "apps/bench/process_usage.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

constexpr auto interval = 1s;

} // namespace

double slope_of(const std::vector<double>& x, const std::vector<double>& y) {
  const auto count = static_cast<double>(x.size());
  double sum_x = 0;
  double sum_y = 0;
  for (std::size_t at = 0; at < x.size(); ++at) {
    sum_x += x[at];
    sum_y += y[at];
  }
  double width = 0;
  double height = 0;
  for (std::size_t at = 0; at < x.size(); ++at) {
    const double from_middle = x[at] - sum_x / count;
    width += from_middle * from_middle;
    height += from_middle * (y[at] - sum_y / count);
  }
  return width > 0 ? height / width : 0;
}

resident_series::resident_series(std::vector<pid_t> processes)
    : processes_(std::move(processes))
    , kib_(processes_.size())
    , thread_([this] { run(); }) {}

resident_series::~resident_series() {
  {
    const lock_guard guard{mutex_};
    is_ending_ = true;
    ends_.notify_all();
  }
  thread_.join();
}

void resident_series::run() {
  const auto began = std::chrono::steady_clock::now();
  for (auto due = began + interval; sleep_until(due); due += interval) {
    std::vector<double> now;
    for (const pid_t process : processes_) {
      now.push_back(static_cast<double>(resident_bytes_of(process)) / 1024);
    }
    // Of those that are gone nothing is left to be read.
    if (std::find(now.begin(), now.end(), 0.0) != now.end()) {
      return;
    }
    const std::chrono::duration<double, std::ratio<60>> passed = due - began;
    const lock_guard guard{mutex_};
    minutes_.push_back(passed.count());
    for (std::size_t at = 0; at < now.size(); ++at) {
      kib_[at].push_back(now[at]);
    }
  }
}

bool resident_series::sleep_until(std::chrono::steady_clock::time_point due) {
  const lock_guard guard{mutex_};
  while (!is_ending_ && std::chrono::steady_clock::now() < due) {
    ends_.wait_until(mutex_, due);
  }
  return !is_ending_;
}

double resident_series::growth_kib_per_minute(std::size_t process) {
  const lock_guard guard{mutex_};
  const auto first = static_cast<std::ptrdiff_t>(minutes_.size() / 3);
  const auto& kib = kib_[process];
  return slope_of({minutes_.begin() + first, minutes_.end()},
                  {kib.begin() + first, kib.end()});
}

} // namespace dynamo::apps
