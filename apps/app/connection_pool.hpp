#pragma once

#include "dynamo/base/mutex.hpp"

#include <httplib.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

namespace dynamo::apps {

/// The threads of an HTTP face. One is started when a connection comes and
/// none is idle, up to a limit; then connections wait. When too many wait, the
/// thread that accepts them waits as well, and the rest stay with the kernel.
/// Thread-safe.
class connection_pool final : public httplib::TaskQueue {
 public:
  connection_pool(std::size_t threads_max, std::size_t waiting_max);
  ~connection_pool() override;

  /// `serve` does not throw.
  void enqueue(std::function<void()> serve) override;

  /// Whether connections wait for a thread.
  bool crowded() const;

  /// Ends when all connections are served. Later calls do nothing.
  void shutdown() override;

 private:
  void work();
  void serve_one();

  const std::size_t threads_max_;
  const std::size_t waiting_max_;
  mutable mutex mutex_;
  condition arrived_;
  condition taken_;
  std::deque<std::function<void()>> waiting_ DYNAMO_GUARDED_BY(mutex_);
  std::size_t idle_ DYNAMO_GUARDED_BY(mutex_) = 0;
  bool closed_ DYNAMO_GUARDED_BY(mutex_) = false;
  /// Only the thread that enqueues and shuts down touches it.
  std::vector<std::thread> threads_;
};

} // namespace dynamo::apps
