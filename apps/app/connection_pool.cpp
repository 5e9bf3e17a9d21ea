#include "apps/app/connection_pool.hpp"

#include <system_error>
#include <utility>

namespace dynamo::apps {

connection_pool::connection_pool(std::size_t threads_max,
                                 std::size_t waiting_max)
    : threads_max_(threads_max)
    , waiting_max_(waiting_max) {}

connection_pool::~connection_pool() {
  shutdown();
}

void connection_pool::enqueue(std::function<void()> serve) {
  bool needs_thread = false;
  {
    const lock_guard guard{mutex_};
    while (waiting_.size() >= waiting_max_) {
      taken_.wait(mutex_);
    }
    waiting_.push_back(std::move(serve));
    needs_thread = idle_ < waiting_.size();
  }
  arrived_.notify_one();
  if (!needs_thread || threads_.size() >= threads_max_) {
    return;
  }
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // The system has no more threads. Those that run come to it; without any,
    // the accepting one has to.
    if (threads_.empty()) {
      serve_one();
    }
  }
}

bool connection_pool::crowded() const {
  const lock_guard guard{mutex_};
  return !waiting_.empty();
}

void connection_pool::serve_one() {
  std::function<void()> serve;
  {
    const lock_guard guard{mutex_};
    serve = std::move(waiting_.front());
    waiting_.pop_front();
  }
  serve();
}

void connection_pool::shutdown() {
  {
    const lock_guard guard{mutex_};
    closed_ = true;
  }
  arrived_.notify_all();
  for (std::thread& each : threads_) {
    each.join();
  }
  threads_.clear();
}

void connection_pool::work() {
  for (;;) {
    std::function<void()> serve;
    {
      const lock_guard guard{mutex_};
      ++idle_;
      while (waiting_.empty() && !closed_) {
        arrived_.wait(mutex_);
      }
      --idle_;
      if (waiting_.empty()) {
        return;
      }
      serve = std::move(waiting_.front());
      waiting_.pop_front();
    }
    taken_.notify_one();
    serve();
  }
}

} // namespace dynamo::apps
