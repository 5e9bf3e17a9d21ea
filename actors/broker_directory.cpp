#include "actors/broker_directory.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace dynamo::actors {

namespace {

constexpr const char* broker_component = "zmq_broker";
constexpr std::size_t records_per_turn = 256;
constexpr inbox_limits changes_limits{65'536, 64 * 1024 * 1024,
                                      overflow_policy::drop_newest};

void append_new(std::vector<std::string>& to,
                const std::vector<std::string>& more) {
  for (const std::string& endpoint : more) {
    if (std::find(to.begin(), to.end(), endpoint) == to.end()) {
      to.push_back(endpoint);
    }
  }
}

} // namespace

broker_directory::broker_directory(broker_link& link, const std::string& ns)
    : owner_(scope::of_component(ns, broker_component))
    , changes_(std::make_shared<discovery_inbox>(changes_limits))
    , link_(&link) {}

status broker_directory::follow(discovery& store) {
  return store.watch(bucket::event_channels, changes_,
                     [self = shared_from_this()] { self->read_changes(); });
}

void broker_directory::stop() {
  const lock_guard guard{mutex_};
  link_ = nullptr;
}

broker_endpoints broker_directory::brokers() const {
  const lock_guard guard{mutex_};
  return listed();
}

void broker_directory::read_changes() {
  const lock_guard guard{mutex_};
  const broker_endpoints before = listed();
  std::vector<inbox_item<discovery_change>> items;
  while (changes_->drain(items, records_per_turn) > 0) {
    for (const auto& item : items) {
      note(item.value);
    }
    items.clear();
  }
  if (auto now = listed(); link_ != nullptr && now != before) {
    link_->use(std::move(now));
  }
}

void broker_directory::note(const discovery_change& change) {
  if (const auto* put = std::get_if<record_put>(&change)) {
    const auto* channel = std::get_if<event_channel>(&put->value);
    if (channel == nullptr || channel->owner != owner_) {
      return;
    }
    if (const auto* address =
            std::get_if<zmq_broker_address>(&channel->address)) {
      by_key_[put->key] = *address;
    }
  } else if (const auto* deleted = std::get_if<record_deleted>(&change)) {
    by_key_.erase(deleted->key);
  }
}

broker_endpoints broker_directory::listed() const {
  broker_endpoints all;
  for (const auto& [key, address] : by_key_) {
    append_new(all.xsub, address.xsub_endpoints);
    append_new(all.xpub, address.xpub_endpoints);
  }
  return all;
}

} // namespace dynamo::actors
