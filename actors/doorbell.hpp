#pragma once

#include "actors/caf_seam.hpp"
#include "dynamo/base/mutex.hpp"

#include <utility>

namespace dynamo::actors {

/// Wakes whichever actor stands behind it now. Queues outlive the actors that
/// drain them: when one dies, its successor is put behind the same bell.
///
/// Thread-safe.
class doorbell {
 public:
  /// From now on `target` is woken.
  void connect(caf::actor target) {
    // The former target is released after the lock is gone.
    const lock_guard guard{mutex_};
    std::swap(target_, target);
  }

  /// Nobody is woken any more; releases the actor.
  void disconnect() { connect(caf::actor{}); }

  template <class Message>
  void ring(Message message) const {
    if (const caf::actor target = current()) {
      seam::anon_send(target, std::move(message));
    }
  }

 private:
  caf::actor current() const {
    const lock_guard guard{mutex_};
    return target_;
  }

  mutable mutex mutex_;
  caf::actor target_ DYNAMO_GUARDED_BY(mutex_);
};

} // namespace dynamo::actors
