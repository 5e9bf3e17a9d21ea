#include "dynamo/discovery/bucket_picture.hpp"

#include <utility>

namespace dynamo {

bool bucket_picture::put(const std::string& key, record value) {
  const auto found = records_.find(key);
  if (found != records_.end() && found->second.value == value) {
    return false;
  }
  records_.insert_or_assign(key, entry{std::move(value), ++revision_});
  return true;
}

bool bucket_picture::erase(const std::string& key) {
  if (records_.erase(key) == 0) {
    return false;
  }
  ++revision_;
  return true;
}

void bucket_picture::become_complete() {
  if (sight_ != dynamo::sight::complete) {
    sight_ = dynamo::sight::complete;
    sight_revision_ = ++revision_;
  }
}

void bucket_picture::become_stale(std::string reason) {
  if (sight_ != dynamo::sight::stale || reason_ != reason) {
    sight_ = dynamo::sight::stale;
    sight_revision_ = ++revision_;
    reason_ = std::move(reason);
  }
}

} // namespace dynamo
