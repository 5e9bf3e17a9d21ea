#pragma once

#include "dynamo/transport/transport.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

namespace dynamo {

/// Puts changes of connections into the inbox of whoever keeps them up. When
/// the inbox is full, the last change of each peer is kept and offered again:
/// a lost connection that nobody hears of would stay lost. Belongs to the
/// receiver's thread.
class change_reporter {
 public:
  /// Until it is called, changes are kept.
  void report_to(std::shared_ptr<connection_inbox> changes,
                 std::function<void()> wake);

  /// Wakes whoever hears of changes, for a reason of the caller's.
  void wake() const;
  void report(connection_change change);
  /// Offers what is kept again.
  void retry();
  /// Whether retry() has something to offer.
  bool has_kept() const { return changes_ && !kept_.empty(); }

  /// What is kept about a peer, or about all of a subscription, is no longer
  /// true.
  void forget(subscription_id id, std::uint64_t publisher_id);
  void forget(subscription_id id);

 private:
  using key = std::pair<subscription_id, std::uint64_t>;

  bool push(const connection_change& change);

  std::shared_ptr<connection_inbox> changes_;
  std::function<void()> wake_;
  /// One change a peer at most.
  std::map<key, connection_change> kept_;
};

} // namespace dynamo
