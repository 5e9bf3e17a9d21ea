#include "apps/router/open_calls.hpp"

#include <chrono>
#include <thread>

namespace dynamo::apps {

namespace {

constexpr std::chrono::milliseconds cancel_interval{5};

} // namespace

bool open_calls::begin(const std::string& request_id) {
  const lock_guard guard{mutex_};
  if (stopped_) {
    return false;
  }
  open_.insert(request_id);
  return true;
}

void open_calls::end(const std::string& request_id) {
  const lock_guard guard{mutex_};
  if (const auto found = open_.find(request_id); found != open_.end()) {
    open_.erase(found);
  }
}

void open_calls::stop(
    const std::function<void(const std::string& id)>& cancel) {
  {
    const lock_guard guard{mutex_};
    stopped_ = true;
  }
  for (auto left = copy(); !left.empty(); left = copy()) {
    for (const std::string& request_id : left) {
      cancel(request_id);
    }
    std::this_thread::sleep_for(cancel_interval);
  }
}

bool open_calls::stopped() const {
  const lock_guard guard{mutex_};
  return stopped_;
}

std::multiset<std::string> open_calls::copy() const {
  const lock_guard guard{mutex_};
  return open_;
}

} // namespace dynamo::apps
