#include "dynamo/discovery/change_feed.hpp"

#include <utility>

namespace dynamo {

namespace {

/// About what a record weighs in an inbox.
std::size_t size_bytes_of(const record& value) {
  std::size_t text = 0;
  if (const auto* source = std::get_if<event_source>(&value)) {
    text = source->metadata.size();
  } else if (const auto* card = std::get_if<model_card>(&value)) {
    text = card->card.size();
  } else if (const auto* served = std::get_if<endpoint_instance>(&value)) {
    text = served->transport.size();
  }
  return sizeof(discovery_change) + text;
}

} // namespace

change_feed::change_feed(bucket where, std::shared_ptr<discovery_inbox> changes,
                         std::function<void()> wake)
    : where_(where)
    , changes_(std::move(changes))
    , wake_(std::move(wake)) {}

bool change_feed::tell(const bucket_picture& picture) {
  if (told_revision_ == picture.revision()) {
    return false;
  }
  needs_wake_ = false;
  const bool all_deleted = tell_deleted(picture);
  const bool all_put = tell_put(picture);
  const bool all_records = all_deleted && all_put;
  if (tell_sight(picture, all_records) && all_records) {
    told_revision_ = picture.revision();
  }
  return needs_wake_;
}

bool change_feed::push(discovery_change change, std::size_t size_bytes) {
  const push_outcome outcome = changes_->push(std::move(change), size_bytes);
  needs_wake_ = needs_wake_ || outcome == push_outcome::queued_first;
  return outcome != push_outcome::dropped;
}

bool change_feed::tell_deleted(const bucket_picture& picture) {
  for (auto told = told_.begin(); told != told_.end();) {
    const std::string& key = told->first;
    if (picture.records().contains(key)) {
      ++told;
    } else if (push(record_deleted{where_, key},
                    sizeof(discovery_change) + key.size())) {
      told = told_.erase(told);
    } else {
      return false;
    }
  }
  return true;
}

bool change_feed::tell_put(const bucket_picture& picture) {
  for (const auto& [key, entry] : picture.records()) {
    const auto told = told_.find(key);
    if (told != told_.end() && told->second == entry.revision) {
      continue;
    }
    if (!push(record_put{where_, key, entry.value},
              key.size() + size_bytes_of(entry.value))) {
      return false;
    }
    told_.insert_or_assign(key, entry.revision);
  }
  return true;
}

bool change_feed::tell_sight(const bucket_picture& picture, bool all_records) {
  if (told_sight_ == picture.sight_revision()) {
    return true;
  }
  const bool stale = picture.sight() == sight::stale;
  // In sync is only who was told everything.
  if (!stale && !all_records) {
    return false;
  }
  const bool taken =
      stale ? push(watch_stale{where_, picture.reason()},
                   sizeof(discovery_change) + picture.reason().size())
            : push(watch_synced{where_}, sizeof(discovery_change));
  if (taken) {
    told_sight_ = picture.sight_revision();
  }
  return taken;
}

} // namespace dynamo
