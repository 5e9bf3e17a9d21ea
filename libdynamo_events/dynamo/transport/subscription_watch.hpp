#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/base/mutex.hpp"

#include <cstdint>
#include <memory>
#include <set>

namespace dynamo {

/// Sees that sockets which belong to other threads have something to take in,
/// such as the subscriptions that come to publishers, so that nobody has to
/// look again and again while nothing happens.
///
/// libzmq's ZMQ_FD stays readable until the socket's owner has looked at it, so
/// only its edges count here: each is told once, and an owner that takes its
/// time keeps nobody awake. Thread-safe.
class subscription_watch {
 public:
  /// errc::io when the system has no descriptor left.
  static result<std::unique_ptr<subscription_watch>> make();

  ~subscription_watch();
  subscription_watch(const subscription_watch&) = delete;
  subscription_watch& operator=(const subscription_watch&) = delete;

  /// The `descriptor` of a publisher's socket is watched until it is closed.
  /// errc::io when the system refuses.
  status add(int descriptor, std::uint64_t publisher_id);

  /// Readable after an edge until take().
  int descriptor() const { return descriptor_; }
  /// Whether one of the sockets stirred since the last call.
  bool take();

  /// The publishers whose sockets take() has found since the last call.
  std::set<std::uint64_t> stirred();

 private:
  explicit subscription_watch(int descriptor)
      : descriptor_(descriptor) {}

  const int descriptor_;
  mutex mutex_;
  std::set<std::uint64_t> stirred_ DYNAMO_GUARDED_BY(mutex_);
};

} // namespace dynamo
