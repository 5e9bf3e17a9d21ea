#pragma once

#include "dynamo/base/mutex.hpp"

#include <functional>
#include <set>
#include <string>

namespace dynamo::apps {

/// Requests for a worker that are being answered. They may wait for capacity
/// for a minute, which nobody wants when the program stops. Thread-safe.
class open_calls {
 public:
  /// A request began. False when no more are taken; else `end` comes once.
  bool begin(const std::string& request_id);
  void end(const std::string& request_id);

  /// Takes no more, and calls `cancel` for those that are open, again and
  /// again, until there are none: one that was not waiting yet may wait now.
  void stop(const std::function<void(const std::string& id)>& cancel);

  bool stopped() const;

 private:
  std::multiset<std::string> copy() const;

  mutable mutex mutex_;
  std::multiset<std::string> open_ DYNAMO_GUARDED_BY(mutex_);
  bool stopped_ DYNAMO_GUARDED_BY(mutex_) = false;
};

} // namespace dynamo::apps
