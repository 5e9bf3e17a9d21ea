#include "actors/discovery_watcher.hpp"

#include <algorithm>

namespace dynamo::actors {

namespace {

constexpr std::size_t changes_per_turn = 1024;

bucket bucket_of_change(const discovery_change& change) {
  return std::visit([](const auto& c) { return c.where; }, change);
}

} // namespace

discovery_watcher::discovery_watcher(caf::actor_config& config,
                                     watcher_resources& resources)
    : event_based_actor(config)
    , resources_(resources)
    , owners_(this, [this](const caf::actor_addr& who, bool) {
      on_owner_down(who);
    }) {
  seam::drop_unexpected(this);
}

caf::behavior discovery_watcher::make_behavior() {
  for (const auto& [address, owner] : resources_.owners) {
    owners_.add(owner);
  }
  resources_.bell->connect(caf::actor_cast<caf::actor>(this));
  for (const bucket where : resources_.watched) {
    look_at(where);
  }
  seam::send(this, caf::actor_cast<caf::actor>(this), records_waiting{});
  return {
      [this](const watch_bucket& m) { on_watch_bucket(m); },
      [this](const put_records& m) { on_put_records(m); },
      [this](const remove_records& m) { on_remove_records(m); },
      [this](const records_waiting&) { on_records_waiting(); },
      [this](const report_watcher&) { return on_report(); },
  };
}

void discovery_watcher::on_watch_bucket(const watch_bucket& command) {
  const bucket where = command.where;
  observers_[where].push_back(command.observer);
  owners_.add(command.observer);
  if (resources_.watched.insert(where).second) {
    const status begun = resources_.store->watch(
        where, resources_.changes,
        [bell = resources_.bell] { bell->ring(records_waiting{}); });
    if (!begun) {
      resources_.watched.erase(where);
      tell(where, {watch_stale{where, begun.error().message}}, false);
    }
    return;
  }
  auto news = picture_of(where);
  if (stale_.contains(where)) {
    news.push_back(watch_stale{where, stale_[where]});
  }
  seam::send(this, command.observer,
             records_changed{where,
                             std::make_shared<const changes>(std::move(news)),
                             synced_[where]});
}

void discovery_watcher::on_put_records(const put_records& command) {
  const auto owner = command.owner.address();
  if (resources_.owners.emplace(owner, command.owner).second) {
    owners_.add(command.owner);
  }
  auto& owned = resources_.owned[owner];
  for (const record& value : command.values) {
    if (std::find(owned.begin(), owned.end(), value) == owned.end()) {
      owned.push_back(value);
    }
  }
  resources_.store->begin_advertise(
      command.values, [to = command.owner](const status& kept) {
        if (kept) {
          seam::anon_send(to, records_put{});
        } else {
          seam::anon_send(to, put_failed{kept.error()});
        }
      });
}

void discovery_watcher::on_remove_records(const remove_records& command) {
  forget(command.owner.address(), [to = command.owner](const status&) {
    seam::anon_send(to, records_removed{});
  });
}

void discovery_watcher::on_records_waiting() {
  std::vector<inbox_item<discovery_change>> items;
  const auto count = resources_.changes->drain(items, changes_per_turn);
  changes run;
  for (auto& item : items) {
    const bucket where = bucket_of_change(item.value);
    if (!run.empty() && bucket_of_change(run.front()) != where) {
      const bucket before = bucket_of_change(run.front());
      tell(before, std::exchange(run, {}), false);
    }
    keep(item.value);
    run.push_back(std::move(item.value));
  }
  if (!run.empty()) {
    const bucket where = bucket_of_change(run.front());
    tell(where, std::move(run), false);
  }
  if (count == changes_per_turn) {
    seam::send(this, caf::actor_cast<caf::actor>(this), records_waiting{});
  }
}

watcher_status discovery_watcher::on_report() const {
  watcher_status report;
  report.synced = !synced_.empty() &&
                  std::all_of(synced_.begin(), synced_.end(),
                              [](const auto& entry) { return entry.second; });
  report.stale = !stale_.empty();
  report.counts = resources_.store->counts();
  return report;
}

void discovery_watcher::on_owner_down(const caf::actor_addr& owner) {
  forget(owner, [](const status&) {});
}

/// Whatever `done` hears of, such as a record that is gone already, is what was
/// wanted, or will be once the store can be reached.
void discovery_watcher::forget(const caf::actor_addr& owner,
                               outcome_sink done) {
  std::vector<record> values;
  if (const auto found = resources_.owned.find(owner);
      found != resources_.owned.end()) {
    values = std::move(found->second);
    resources_.owned.erase(found);
  }
  resources_.owners.erase(owner);
  for (auto& [where, observers] : observers_) {
    std::erase_if(observers, [&](const caf::actor& observer) {
      return observer.address() == owner;
    });
  }
  resources_.store->begin_withdraw(std::move(values), std::move(done));
}

// A watcher that was started again has no picture, and the changes that its
// predecessor took out of the inbox are gone: the store is asked for all.
void discovery_watcher::look_at(bucket where) {
  auto listed = resources_.store->list(where);
  if (!listed) {
    stale_[where] = listed.error().message;
    return;
  }
  for (auto& found : *listed) {
    known_[where].insert_or_assign(std::move(found.key),
                                   std::move(found.value));
  }
  synced_[where] = true;
}

void discovery_watcher::keep(const discovery_change& change) {
  if (const auto* put = std::get_if<record_put>(&change)) {
    known_[put->where].insert_or_assign(put->key, put->value);
  } else if (const auto* gone = std::get_if<record_deleted>(&change)) {
    known_[gone->where].erase(gone->key);
  } else if (const auto* synced = std::get_if<watch_synced>(&change)) {
    synced_[synced->where] = true;
    stale_.erase(synced->where);
  } else if (const auto* stale = std::get_if<watch_stale>(&change)) {
    stale_[stale->where] = stale->reason;
  }
}

discovery_watcher::changes discovery_watcher::picture_of(bucket where) const {
  changes picture;
  if (const auto known = known_.find(where); known != known_.end()) {
    for (const auto& [key, value] : known->second) {
      picture.push_back(record_put{where, key, value});
    }
  }
  if (const auto synced = synced_.find(where);
      synced != synced_.end() && synced->second) {
    picture.push_back(watch_synced{where});
  }
  return picture;
}

void discovery_watcher::tell(bucket where, changes news, bool complete) {
  const records_changed fact{
      where, std::make_shared<const changes>(std::move(news)), complete};
  for (const caf::actor& observer : observers_[where]) {
    seam::send(this, observer, fact);
  }
}

} // namespace dynamo::actors
