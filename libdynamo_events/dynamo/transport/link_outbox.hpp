#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <deque>
#include <functional>
#include <memory>

namespace dynamo {

/// Reports of a link on their way to its owner. Keeps what a full inbox does
/// not take: an outcome that gets lost would stop a publisher.
///
/// direct() may be called from any thread, the rest belongs to the link's.
class link_outbox {
 public:
  void direct(std::shared_ptr<link_inbox> reports, std::function<void()> wake);

  void report(link_report what);

  /// Offers again what was not taken.
  void offer();

  bool has_some() const { return !unreported_.empty(); }

 private:
  /// Bounded by what the publishers have left unanswered, and the changes of
  /// one connection.
  std::deque<link_report> unreported_;

  mutex mutex_;
  std::shared_ptr<link_inbox> reports_ DYNAMO_GUARDED_BY(mutex_);
  std::function<void()> wake_ DYNAMO_GUARDED_BY(mutex_);
};

} // namespace dynamo
