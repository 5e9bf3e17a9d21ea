#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

// Clang checks these at compile time (-Wthread-safety); GCC ignores them.
#if defined(__clang__)
#define DYNAMO_ANNOTATE(x) __attribute__((x))
#else
#define DYNAMO_ANNOTATE(x)
#endif

#define DYNAMO_GUARDED_BY(x) DYNAMO_ANNOTATE(guarded_by(x))
#define DYNAMO_REQUIRES(x) DYNAMO_ANNOTATE(requires_capability(x))

namespace dynamo {

/// A std::mutex that Clang's thread safety analysis understands. Under it only
/// push, pop and copy: never call out, wait, log or send.
class DYNAMO_ANNOTATE(capability("mutex")) mutex {
 public:
  mutex() = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  void lock() DYNAMO_ANNOTATE(acquire_capability()) { native_.lock(); }
  void unlock() DYNAMO_ANNOTATE(release_capability()) { native_.unlock(); }
  /// False when somebody has it.
  bool try_lock() DYNAMO_ANNOTATE(try_acquire_capability(true)) {
    return native_.try_lock();
  }

 private:
  std::mutex native_;
};

/// Holds a mutex for the length of a scope.
class DYNAMO_ANNOTATE(scoped_lockable) lock_guard {
 public:
  explicit lock_guard(mutex& guarded)
      DYNAMO_ANNOTATE(acquire_capability(guarded))
      : guarded_(guarded) {
    guarded_.lock();
  }
  ~lock_guard() DYNAMO_ANNOTATE(release_capability()) { guarded_.unlock(); }
  lock_guard(const lock_guard&) = delete;
  lock_guard& operator=(const lock_guard&) = delete;

 private:
  mutex& guarded_;
};

/// Waits for a condition that a dynamo::mutex guards.
class condition {
 public:
  void notify_one() { native_.notify_one(); }
  void notify_all() { native_.notify_all(); }

  /// Sleeps until notified or until `deadline`; `guarded` must be held.
  template <class Clock, class Duration>
  std::cv_status
  wait_until(mutex& guarded,
             const std::chrono::time_point<Clock, Duration>& deadline)
      DYNAMO_REQUIRES(guarded) {
    return native_.wait_until(guarded, deadline);
  }

  /// Sleeps until notified; may also wake for no reason.
  void wait(mutex& guarded) DYNAMO_REQUIRES(guarded) { native_.wait(guarded); }

 private:
  std::condition_variable_any native_;
};

} // namespace dynamo
