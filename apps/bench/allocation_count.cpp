#include "apps/bench/allocation_count.hpp"

#include "dynamo/base/mutex.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

class thread_count;

// Threads that count, in a list that needs no memory.
dynamo::mutex threads_mutex;
thread_count* first_thread DYNAMO_GUARDED_BY(threads_mutex) = nullptr;
std::uint64_t of_ended_threads DYNAMO_GUARDED_BY(threads_mutex) = 0;

/// The count of one thread, which others may read.
class thread_count {
 public:
  thread_count() {
    const dynamo::lock_guard guard{threads_mutex};
    next_ = first_thread;
    first_thread = this;
  }
  ~thread_count() {
    const dynamo::lock_guard guard{threads_mutex};
    of_ended_threads += value();
    thread_count** at = &first_thread;
    while (*at != this) {
      at = &(*at)->next_;
    }
    *at = next_;
  }
  thread_count(const thread_count&) = delete;
  thread_count& operator=(const thread_count&) = delete;

  // One thread writes: an atomic addition would cost more than it counts.
  void add_one() { value_.store(value() + 1, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  const thread_count* next() const { return next_; }

 private:
  std::atomic<std::uint64_t> value_ = 0;
  thread_count* next_ = nullptr;
};

thread_local thread_count allocations;

} // namespace

namespace dynamo::apps {

std::uint64_t allocations_of_thread() {
  return allocations.value();
}

std::uint64_t allocations_of_process() {
  const lock_guard guard{threads_mutex};
  std::uint64_t all = of_ended_threads;
  for (const thread_count* one = first_thread; one != nullptr;
       one = one->next()) {
    all += one->value();
  }
  return all;
}

} // namespace dynamo::apps

#if !defined(DYNAMO_SANITIZED)

// The other forms of both operators come down to these.
void* operator new(std::size_t bytes) {
  allocations.add_one();
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) {
    return memory;
  }
  throw std::bad_alloc{};
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

#endif
