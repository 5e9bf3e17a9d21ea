#include "dynamo/discovery/memory.hpp"

#include <algorithm>
#include <iterator>

namespace dynamo {

namespace {

void call(const std::vector<std::function<void()>>& wakes) {
  for (const auto& wake : wakes) {
    wake();
  }
}

} // namespace

// Changes go into the inboxes under the store's lock, so that two threads
// cannot deliver theirs in different orders; an inbox takes no other lock.

void memory_store::make_stale(std::string reason) {
  wakes sleepers;
  {
    const lock_guard guard{mutex_};
    stale_ = true;
    for (bucket_picture& known : pictures_) {
      known.become_stale(reason);
    }
    sleepers = tell_all();
  }
  call(sleepers);
}

void memory_store::make_synced() {
  wakes sleepers;
  {
    const lock_guard guard{mutex_};
    stale_ = false;
    for (bucket_picture& known : pictures_) {
      known.become_complete();
    }
    sleepers = tell_all();
  }
  call(sleepers);
}

bool memory_store::forget(bucket where, std::string_view key) {
  wakes sleepers;
  bool found = false;
  {
    const lock_guard guard{mutex_};
    const std::string name{key};
    owners_.erase(place{where, name});
    found = picture(where).erase(name);
    sleepers = tell(where);
  }
  call(sleepers);
  return found;
}

memory_store::owner_id memory_store::enter() {
  const lock_guard guard{mutex_};
  return ++last_owner_;
}

void memory_store::leave(owner_id owner) {
  wakes sleepers;
  {
    const lock_guard guard{mutex_};
    std::erase_if(feeds_,
                  [owner](const auto& feed) { return feed.first == owner; });
    for (auto owned = owners_.begin(); owned != owners_.end();) {
      if (owned->second == owner) {
        picture(owned->first.first).erase(owned->first.second);
        owned = owners_.erase(owned);
      } else {
        ++owned;
      }
    }
    for (const bucket where : buckets) {
      std::ranges::move(tell(where), std::back_inserter(sleepers));
    }
  }
  call(sleepers);
}

status memory_store::put(owner_id owner, const record& value) {
  if (auto checked = check_record(value); !checked) {
    return checked;
  }
  wakes sleepers;
  {
    const lock_guard guard{mutex_};
    const bucket where = bucket_of(value);
    const std::string key = key_of(value);
    const auto [owned, fresh] = owners_.try_emplace(place{where, key}, owner);
    if (!fresh && owned->second != owner) {
      return error{errc::exists, "advertise: another owner has " + key};
    }
    picture(where).put(key, value);
    sleepers = tell(where);
  }
  call(sleepers);
  return ok();
}

status memory_store::erase(owner_id owner, const record& value) {
  wakes sleepers;
  {
    const lock_guard guard{mutex_};
    const bucket where = bucket_of(value);
    const std::string key = key_of(value);
    const auto owned = owners_.find(place{where, key});
    if (owned == owners_.end() || owned->second != owner) {
      return error{errc::not_found, "withdraw: no record of ours under " + key};
    }
    owners_.erase(owned);
    picture(where).erase(key);
    sleepers = tell(where);
  }
  call(sleepers);
  return ok();
}

std::vector<found_record> memory_store::list(bucket where) const {
  const lock_guard guard{mutex_};
  std::vector<found_record> found;
  for (const auto& [key, entry] : picture(where).records()) {
    found.push_back({where, key, entry.value, {}});
  }
  return found;
}

void memory_store::watch(owner_id owner, change_feed feed) {
  wakes sleepers;
  {
    const lock_guard guard{mutex_};
    bucket_picture& known = picture(feed.where());
    if (known.sight() == sight::none) {
      known.become_complete();
    }
    if (feed.tell(known) && feed.wake()) {
      sleepers.push_back(feed.wake());
    }
    feeds_.emplace_back(owner, std::move(feed));
  }
  call(sleepers);
}

std::uint64_t memory_store::owned_by(owner_id owner) const {
  const lock_guard guard{mutex_};
  return static_cast<std::uint64_t>(
      std::count_if(owners_.begin(), owners_.end(), [owner](const auto& owned) {
        return owned.second == owner;
      }));
}

memory_store::wakes memory_store::tell(bucket where) {
  wakes sleepers;
  if (stale_) {
    return sleepers;
  }
  for (auto& [owner, feed] : feeds_) {
    if (feed.where() == where && feed.tell(picture(where)) && feed.wake()) {
      sleepers.push_back(feed.wake());
    }
  }
  return sleepers;
}

memory_store::wakes memory_store::tell_all() {
  wakes sleepers;
  for (auto& [owner, feed] : feeds_) {
    if (feed.tell(picture(feed.where())) && feed.wake()) {
      sleepers.push_back(feed.wake());
    }
  }
  return sleepers;
}

bucket_picture& memory_store::picture(bucket where) {
  return pictures_[static_cast<std::size_t>(where)];
}

const bucket_picture& memory_store::picture(bucket where) const {
  return pictures_[static_cast<std::size_t>(where)];
}

class memory_discovery final : public discovery {
 public:
  memory_discovery(std::shared_ptr<memory_store> store,
                   std::uint64_t instance_id)
      : store_(std::move(store))
      , instance_id_(instance_id)
      , owner_(store_->enter()) {}

  ~memory_discovery() override { store_->leave(owner_); }

  std::uint64_t instance_id() const override { return instance_id_; }

  status advertise(const record& value) override {
    return store_->put(owner_, value);
  }

  status withdraw(const record& value) override {
    return store_->erase(owner_, value);
  }

  result<std::vector<found_record>> list(bucket where) override {
    return store_->list(where);
  }

  status watch(bucket where, std::shared_ptr<discovery_inbox> changes,
               std::function<void()> wake) override {
    store_->watch(owner_,
                  change_feed{where, std::move(changes), std::move(wake)});
    return ok();
  }

  discovery_counts counts() const override {
    discovery_counts counts;
    counts.owned = store_->owned_by(owner_);
    return counts;
  }

 private:
  const std::shared_ptr<memory_store> store_;
  const std::uint64_t instance_id_;
  const memory_store::owner_id owner_;
};

std::unique_ptr<discovery>
make_memory_discovery(std::shared_ptr<memory_store> store,
                      std::uint64_t instance_id) {
  return std::make_unique<memory_discovery>(std::move(store), instance_id);
}

} // namespace dynamo
