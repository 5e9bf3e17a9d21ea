#include "dynamo/discovery/etcd_view.hpp"

#include <algorithm>

namespace dynamo {

namespace {

/// Bad keys beyond this many are counted, but no longer named.
constexpr std::size_t named_max = 1000;

} // namespace

etcd_view::etcd_view(bucket where, const notice_sink& notice)
    : where_(where)
    , prefix_(prefix_of(where))
    , notice_(notice) {}

std::string etcd_view::key_in_bucket(const etcd_key_value& value) const {
  return value.key.starts_with(prefix_) ? value.key.substr(prefix_.size())
                                        : std::string{};
}

std::size_t etcd_view::take(const etcd_snapshot& snapshot, clock_time now) {
  // A server that lost its disk counts from the beginning.
  if (snapshot.revision < revision_) {
    for (auto& [key, known] : keys_) {
      known.revision = 0;
    }
  }
  revision_ = snapshot.revision;
  if (!std::exchange(is_back_, true)) {
    back_at_ = revision_;
  }
  std::size_t changed = 0;
  std::set<std::string> there;
  for (const etcd_key_value& each : snapshot.values) {
    changed += put(each) ? 1 : 0;
    there.insert(key_in_bucket(each));
  }
  std::vector<std::string> missing;
  for (const auto& [key, known] : keys_) {
    if (!there.contains(key) && !known.held) {
      missing.push_back(key);
    }
  }
  for (const std::string& key : missing) {
    erase(key, now);
  }
  is_seen_ = true;
  settle(now);
  return changed + missing.size();
}

void etcd_view::take(const etcd_watch_event& event, clock_time now) {
  revision_ = std::max(revision_, event.value.mod_revision);
  if (!event.is_delete) {
    put(event.value);
    settle(now);
    return;
  }
  const std::string key = key_in_bucket(event.value);
  const auto known = keys_.find(key);
  if (known != keys_.end() &&
      known->second.revision < event.value.mod_revision) {
    erase(key, now);
  }
}

std::set<etcd_view::difference>
etcd_view::differences(const etcd_snapshot& keys) const {
  std::set<difference> found;
  std::set<std::string> there;
  for (const etcd_key_value& each : keys.values) {
    const std::string key = key_in_bucket(each);
    there.insert(key);
    const auto known = keys_.find(key);
    if (known == keys_.end() || known->second.held ||
        known->second.revision < each.mod_revision) {
      found.emplace(key, each.mod_revision);
    }
  }
  for (const auto& [key, known] : keys_) {
    if (!there.contains(key) && !known.held &&
        known.revision <= keys.revision) {
      found.emplace(key, 0);
    }
  }
  return found;
}

void etcd_view::lose(const std::string& reason) {
  is_seen_ = false;
  if (picture_.sight() != sight::stale) {
    picture_.become_stale(reason);
  }
}

void etcd_view::settle(clock_time now) {
  if (held_ > 0 && now >= held_until_) {
    for (auto known = keys_.begin(); known != keys_.end();) {
      if (known->second.held) {
        picture_.erase(known->first);
        known = keys_.erase(known);
      } else {
        ++known;
      }
    }
    held_ = 0;
  }
  // Whether it is whole again, nobody can say while some may yet come back.
  if (is_seen_ && held_ == 0) {
    picture_.become_complete();
  }
}

std::optional<etcd_view::clock_time> etcd_view::due() const {
  return held_ > 0 ? std::optional{held_until_} : std::nullopt;
}

std::vector<found_record> etcd_view::records_of(const etcd_snapshot& snapshot) {
  std::vector<found_record> found;
  for (const etcd_key_value& each : snapshot.values) {
    std::string key = key_in_bucket(each);
    if (auto value = read(key, each)) {
      found.push_back({where_, std::move(key), *std::move(value), {}});
    }
  }
  return found;
}

bool etcd_view::put(const etcd_key_value& value) {
  const std::string key = key_in_bucket(value);
  known_key& known = keys_[key];
  const bool returned = std::exchange(known.held, false);
  held_ -= returned ? 1 : 0;
  if (known.revision >= value.mod_revision) {
    return returned;
  }
  known.revision = value.mod_revision;
  // One that cannot be read leaves what was there before it.
  if (auto readable = read(key, value)) {
    picture_.put(key, *std::move(readable));
  }
  return true;
}

void etcd_view::erase(const std::string& key, clock_time now) {
  const auto known = keys_.find(key);
  if (is_held(key, known->second, now)) {
    held_ += known->second.held ? 0 : 1;
    known->second.held = true;
    return;
  }
  held_ -= known->second.held ? 1 : 0;
  picture_.erase(key);
  keys_.erase(known);
  bad_.erase(key);
}

bool etcd_view::is_held(const std::string& key, const known_key& known,
                        clock_time now) const {
  return now < held_until_ && known.revision <= back_at_ &&
         picture_.records().contains(key);
}

std::optional<record> etcd_view::read(const std::string& key,
                                      const etcd_key_value& value) {
  auto found = record_from_json(value.value);
  std::string reason;
  if (!found) {
    reason = to_string(found.error());
  } else if (bucket_of(*found) != where_ || !is_key_of(key, *found)) {
    reason = "the record has another key: " + key_of(*found);
  } else {
    bad_.erase(key);
    return *std::move(found);
  }
  const auto [named, is_new] = bad_.emplace(key, value.mod_revision);
  if (!is_new && named->second == value.mod_revision) {
    return std::nullopt;
  }
  named->second = value.mod_revision;
  if (++bad_records_ <= named_max) {
    notice_("etcd discovery: skipped " + value.key + ": " + reason);
  } else if (bad_records_ == named_max + 1) {
    notice_("etcd discovery: further bad records are counted only");
  }
  return std::nullopt;
}

} // namespace dynamo
