#include "dynamo/discovery/kube_view.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dynamo {

namespace {

/// Bad records beyond this many are counted, but no longer named.
constexpr std::size_t named_records_max = 1000;

template <class Map>
std::vector<std::string> keys_without(const Map& from,
                                      const std::set<std::string>& kept) {
  std::vector<std::string> others;
  for (const auto& [name, value] : from) {
    if (!kept.contains(name)) {
      others.push_back(name);
    }
  }
  return others;
}

} // namespace

// -- Objects

bool kube_view::put_object(const kube_object& object) {
  entry& known = objects_[object.name];
  if (known.uid == object.uid && known.version == object.version) {
    return false;
  }
  if (known.uid != object.uid) {
    // Another incarnation has nothing to do with what was there.
    known.records.clear();
  }
  known.uid = object.uid;
  known.version = object.version;
  known.pod_uids = object.pod_uids;
  if (object.has_data) {
    read_records(known, object);
  }
  show(object.name, known);
  return true;
}

bool kube_view::remove_object(const std::string& name) {
  const auto found = objects_.find(name);
  if (found == objects_.end()) {
    return false;
  }
  found->second.records.clear();
  show(name, found->second);
  objects_.erase(found);
  std::erase_if(bad_, [&](const auto& each) {
    return each.first.starts_with(name + ' ');
  });
  return true;
}

std::size_t kube_view::keep_objects(const std::set<std::string>& names) {
  const auto gone = keys_without(objects_, names);
  for (const std::string& name : gone) {
    remove_object(name);
  }
  return gone.size();
}

void kube_view::read_records(entry& one, const kube_object& object) {
  for (const bucket where : buckets) {
    auto& known = one.records[where];
    std::map<std::string, record> fresh;
    const auto texts = object.records.find(where);
    if (texts != object.records.end()) {
      for (const auto& [key, text] : texts->second) {
        const std::string place =
            object.name + ' ' + std::string{kube_map_of(where)} + '/' + key;
        if (auto value = read(where, place, text)) {
          fresh.emplace(key, *std::move(value));
        } else if (auto before = known.extract(key)) {
          fresh.insert(std::move(before));
        }
      }
    }
    known = std::move(fresh);
  }
}

std::optional<record> kube_view::read(bucket where, const std::string& place,
                                      const std::string& text) {
  auto found = record_from_json(text);
  std::string reason;
  if (!found) {
    reason = to_string(found.error());
  } else if (bucket_of(*found) != where) {
    reason = "the record belongs into " +
             std::string{kube_map_of(bucket_of(*found))};
  } else {
    bad_.erase(place);
    return *std::move(found);
  }
  const auto [named, is_new] = bad_.emplace(place, text);
  if (!is_new && named->second == text) {
    return std::nullopt;
  }
  named->second = text;
  if (++bad_records_ <= named_records_max) {
    notice_("kubernetes discovery: skipped a record of " + place + ": " +
            reason);
  } else if (bad_records_ == named_records_max + 1) {
    notice_("kubernetes discovery: further bad records are counted only");
  }
  return std::nullopt;
}

// -- Readiness

bool kube_view::put_ready(const std::string& source,
                          std::vector<kube_ready> ready) {
  std::sort(ready.begin(), ready.end());
  auto& known = sources_[source];
  if (known == ready) {
    return false;
  }
  std::set<std::string> touched;
  for (const kube_ready& one : ready) {
    ++ready_[one];
    touched.insert(one.object_name);
  }
  for (const kube_ready& one : known) {
    if (--ready_[one] == 0) {
      ready_.erase(one);
    }
    touched.insert(one.object_name);
  }
  known = std::move(ready);
  for (const std::string& name : touched) {
    refresh(name);
  }
  return true;
}

bool kube_view::remove_ready(const std::string& source) {
  const bool was_known = sources_.contains(source);
  put_ready(source, {});
  sources_.erase(source);
  return was_known;
}

std::size_t kube_view::keep_ready(const std::set<std::string>& sources) {
  const auto gone = keys_without(sources_, sources);
  for (const std::string& source : gone) {
    remove_ready(source);
  }
  return gone.size();
}

bool kube_view::is_ready(const std::string& name, const entry& one) const {
  return std::any_of(one.pod_uids.begin(), one.pod_uids.end(),
                     [&](const std::string& uid) {
                       return ready_.contains({name, uid});
                     });
}

// -- What is seen

void kube_view::refresh(const std::string& name) {
  if (const auto found = objects_.find(name); found != objects_.end()) {
    show(name, found->second);
  }
}

void kube_view::show(const std::string& name, entry& one) {
  std::set<std::pair<bucket, std::string>> now;
  if (is_ready(name, one)) {
    for (const auto& [where, records] : one.records) {
      for (const auto& [place, value] : records) {
        claim(where, name, value);
        now.emplace(where, key_of(value));
      }
    }
  }
  auto& before = shown_[name];
  for (const auto& each : before) {
    if (!now.contains(each)) {
      yield(each.first, name, each.second);
    }
  }
  before = std::move(now);
  if (before.empty()) {
    shown_.erase(name);
  }
}

void kube_view::claim(bucket where, const std::string& name,
                      const record& value) {
  const std::string key = key_of(value);
  auto& claims = claims_[where][key];
  claims.insert_or_assign(name, value);
  pictures_[static_cast<std::size_t>(where)].put(key, claims.begin()->second);
}

void kube_view::yield(bucket where, const std::string& name,
                      const std::string& key) {
  auto& of_bucket = claims_[where];
  auto& claims = of_bucket[key];
  claims.erase(name);
  bucket_picture& picture = pictures_[static_cast<std::size_t>(where)];
  if (claims.empty()) {
    of_bucket.erase(key);
    picture.erase(key);
  } else {
    picture.put(key, claims.begin()->second);
  }
}

void kube_view::become_complete() {
  for (bucket_picture& picture : pictures_) {
    picture.become_complete();
  }
}

void kube_view::become_stale(const std::string& reason) {
  for (bucket_picture& picture : pictures_) {
    picture.become_stale(reason);
  }
}

} // namespace dynamo
