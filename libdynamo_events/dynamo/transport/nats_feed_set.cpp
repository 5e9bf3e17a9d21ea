#include "dynamo/transport/nats_feed_set.hpp"

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

receiver_counts nats_feed_set::counts() const {
  for (const shared_feed& feed : all()) {
    feed->count_dropped();
  }
  return counters_.picture();
}

status nats_feed_set::open_all(natsConnection& connection) {
  {
    const lock_guard guard{mutex_};
    fresh_.clear();
  }
  for (const shared_feed& feed : all()) {
    if (const status opened = feed->open(connection, limits_); !opened) {
      return opened;
    }
  }
  return ok();
}

status nats_feed_set::update(natsConnection& connection) {
  close_removed();
  std::map<subscription_id, shared_feed> fresh;
  {
    const lock_guard guard{mutex_};
    fresh.swap(fresh_);
  }
  for (const auto& [id, feed] : fresh) {
    if (const status opened = feed->open(connection, limits_); !opened) {
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
    retired_.push_back(feed->close());
  }
}

void nats_feed_set::drain_all(std::chrono::milliseconds longest) {
  if (longest.count() == 0) {
    return;
  }
  const auto deadline = std::chrono::steady_clock::now() + longest;
  const std::vector<shared_feed> feeds = all();
  for (const shared_feed& feed : feeds) {
    feed->drain(longest);
  }
  for (const shared_feed& feed : feeds) {
    feed->wait_drained(deadline);
  }
}

void nats_feed_set::close_all() {
  close_removed();
  for (const shared_feed& feed : all()) {
    feed->close();
  }
  retired_.clear();
}

void nats_feed_set::forget_all() {
  close_all();
  std::map<subscription_id, shared_feed> forgotten;
  const lock_guard guard{mutex_};
  forgotten.swap(feeds_);
  fresh_.clear();
}

std::vector<nats_feed_set::shared_feed> nats_feed_set::all() const {
  const lock_guard guard{mutex_};
  std::vector<shared_feed> feeds;
  feeds.reserve(feeds_.size());
  for (const auto& [id, feed] : feeds_) {
    feeds.push_back(feed);
  }
  return feeds;
}

} // namespace dynamo
