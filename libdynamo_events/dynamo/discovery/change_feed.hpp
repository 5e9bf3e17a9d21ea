#pragma once

#include "dynamo/discovery/bucket_picture.hpp"
#include "dynamo/discovery/discovery.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace dynamo {

/// One watcher of a bucket: remembers what its inbox took, and so what it still
/// has to be told.
class change_feed {
 public:
  change_feed(bucket where, std::shared_ptr<discovery_inbox> changes,
              std::function<void()> wake);

  /// Pushes the differences between what was told and the picture: first what
  /// is gone, then what is new, then how complete that is. What the inbox
  /// drops is pushed again by a later call. True when the consumer has to be
  /// woken.
  bool tell(const bucket_picture& picture);

  bucket where() const { return where_; }
  const std::function<void()>& wake() const { return wake_; }

 private:
  /// Whether the inbox took it.
  bool push(discovery_change change, std::size_t size_bytes);
  bool tell_deleted(const bucket_picture& picture);
  bool tell_put(const bucket_picture& picture);
  bool tell_sight(const bucket_picture& picture, bool all_records);

  bucket where_;
  std::shared_ptr<discovery_inbox> changes_;
  std::function<void()> wake_;
  /// Key and revision of the values that the inbox took.
  std::map<std::string, std::uint64_t> told_;
  std::uint64_t told_sight_ = 0;
  /// All of the picture up to this revision was taken.
  std::uint64_t told_revision_ = 0;
  bool needs_wake_ = false;
};

} // namespace dynamo
