#include "apps/bench/measures/handover.hpp"

#include "apps/bench/percentiles.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dynamo::apps {

namespace {

/// Whose turn it is, of two.
class baton {
 public:
  void pass_to(int whom) {
    {
      const std::lock_guard guard{mutex_};
      holder_ = whom;
    }
    passed_.notify_one();
  }
  void await(int who) {
    std::unique_lock guard{mutex_};
    passed_.wait(guard, [&] { return holder_ == who; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable passed_;
  int holder_ = 0;
};

} // namespace

figures measure_handover(std::uint64_t count) {
  baton one;
  std::thread other{[&] {
    for (std::uint64_t left = count; left > 0; --left) {
      one.await(1);
      one.pass_to(0);
    }
  }};
  std::vector<std::uint64_t> times;
  times.reserve(count);
  for (std::uint64_t left = count; left > 0; --left) {
    const auto began = std::chrono::steady_clock::now();
    one.pass_to(1);
    one.await(0);
    times.push_back(static_cast<std::uint64_t>(
        std::chrono::nanoseconds{std::chrono::steady_clock::now() - began}
            .count()));
  }
  other.join();
  const nlohmann::json found = percentiles_json(times);
  figures all;
  for (const char* name : {"p50", "p99", "p999"}) {
    all[std::string{name} + "_us"] = found.at(name).get<double>() / 1e3;
  }
  return all;
}

} // namespace dynamo::apps
