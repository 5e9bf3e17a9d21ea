#include "dynamo/transport/nats_feed_set.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace dynamo {

status nats_feed_set::add(subscription wanted) {
  const subscription_id id = wanted.id;
  const auto feed = std::make_shared<nats_feed>(std::move(wanted), counters_);
  const lock_guard guard{mutex_};
  if (!feeds_.emplace(id, feed).second) {
    return error{errc::exists,
                 "subscription " + std::to_string(id) + " is there already"};
  }
  fresh_.emplace(id, feed);
  return ok();
}

void nats_feed_set::remove(subscription_id id) {
  shared_feed removed;
  {
    const lock_guard guard{mutex_};
    const auto found = feeds_.find(id);
    if (found == feeds_.end()) {
      return;
    }
    removed = std::move(found->second);
    feeds_.erase(found);
    fresh_.erase(id);
    removed_.push_back(removed);
  }
  removed->detach();
}

status nats_feed_set::open_all(natsConnection& connection) {
  std::map<subscription_id, shared_feed> feeds;
  {
    const lock_guard guard{mutex_};
    fresh_.clear();
    feeds = feeds_;
  }
  return open(feeds, connection);
}

status nats_feed_set::update(natsConnection& connection) {
  std::map<subscription_id, shared_feed> fresh;
  {
    const lock_guard guard{mutex_};
    if (fresh_.empty() && removed_.empty()) {
      return ok();
    }
    fresh.swap(fresh_);
  }
  close_removed();
  return open(fresh, connection);
}

status nats_feed_set::open(const std::map<subscription_id, shared_feed>& feeds,
                           natsConnection& connection) {
  for (const auto& [id, feed] : feeds) {
    open_.push_back(feed);
    if (const status opened = feed->open(connection); !opened) {
      return opened;
    }
  }
  return ok();
}

void nats_feed_set::close_removed() {
  std::vector<shared_feed> removed;
  {
    const lock_guard guard{mutex_};
    removed.swap(removed_);
  }
  for (const shared_feed& feed : removed) {
    feed->close();
    std::erase(open_, feed);
  }
}

void nats_feed_set::take_all() {
  for (const shared_feed& feed : open_) {
    feed->take();
  }
}

void nats_feed_set::drain_all(std::chrono::milliseconds longest) {
  for (const shared_feed& feed : open_) {
    feed->drain(longest);
  }
}

bool nats_feed_set::is_drained() const {
  return std::all_of(open_.begin(), open_.end(), [](const shared_feed& feed) {
    return feed->is_drained();
  });
}

void nats_feed_set::close_all() {
  close_removed();
  for (const shared_feed& feed : open_) {
    feed->close();
  }
  open_.clear();
}

void nats_feed_set::forget_all() {
  close_all();
  std::map<subscription_id, shared_feed> forgotten;
  const lock_guard guard{mutex_};
  forgotten.swap(feeds_);
  fresh_.clear();
}

} // namespace dynamo
