#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/discovery/change_feed.hpp"
#include "dynamo/discovery/discovery.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dynamo {

/// A store within one process, shared by several memory discoveries. Nothing
/// happens by itself: the thread that makes a change puts it into the inboxes
/// of all watchers and wakes them before its call returns.
///
/// Thread-safe.
class memory_store {
 public:
  /// The store cannot be seen: watchers hear `reason`, then nothing until
  /// make_synced. Records can still be advertised and withdrawn.
  void make_stale(std::string reason);

  /// The store can be seen again: watchers hear what has changed meanwhile,
  /// and that they are in sync.
  void make_synced();

  /// A record vanishes behind its owner's back. False when there is none.
  bool forget(bucket where, std::string_view key);

 private:
  friend class memory_discovery;

  /// Names one memory_discovery within the store.
  using owner_id = std::uint64_t;
  using wakes = std::vector<std::function<void()>>;

  owner_id enter();
  void leave(owner_id owner);
  status put(owner_id owner, const record& value);
  status erase(owner_id owner, const record& value);
  std::vector<found_record> list(bucket where) const;
  void watch(owner_id owner, change_feed feed);
  std::uint64_t owned_by(owner_id owner) const;

  wakes tell(bucket where) DYNAMO_REQUIRES(mutex_);
  wakes tell_all() DYNAMO_REQUIRES(mutex_);
  bucket_picture& picture(bucket where) DYNAMO_REQUIRES(mutex_);
  const bucket_picture& picture(bucket where) const DYNAMO_REQUIRES(mutex_);

  using place = std::pair<bucket, std::string>;

  mutable mutex mutex_;
  std::array<bucket_picture, std::size(buckets)>
      pictures_ DYNAMO_GUARDED_BY(mutex_);
  std::map<place, owner_id> owners_ DYNAMO_GUARDED_BY(mutex_);
  std::vector<std::pair<owner_id, change_feed>>
      feeds_ DYNAMO_GUARDED_BY(mutex_);
  owner_id last_owner_ DYNAMO_GUARDED_BY(mutex_) = 0;
  bool stale_ DYNAMO_GUARDED_BY(mutex_) = false;
};

/// A process's part of a memory store. Its records and watches go when it does.
/// A change that an inbox drops is reported again with the bucket's next one.
/// A change that another thread is making while this is destroyed may still
/// call `wake` once.
std::unique_ptr<discovery>
make_memory_discovery(std::shared_ptr<memory_store> store,
                      std::uint64_t instance_id);

} // namespace dynamo
