#include "actors/record_observer.hpp"

#include <set>
#include <utility>

namespace dynamo::actors {

record_observer::record_observer(
    caf::actor_config& config, bucket where,
    std::function<void(const discovery_change&)> on_change)
    : event_based_actor(config)
    , where_(where)
    , on_change_(std::move(on_change)) {
  seam::drop_unexpected(this);
}

caf::behavior record_observer::make_behavior() {
  return {
      [this](const records_changed& m) { on_records_changed(m); },
      [this](const parts_started& m) { on_parts_started(m); },
  };
}

void record_observer::on_parts_started(const parts_started& fact) {
  if (fact.watcher_is_new) {
    seam::send(this, fact.watcher,
               watch_bucket{where_, caf::actor_cast<caf::actor>(this)});
  }
}

void record_observer::on_records_changed(const records_changed& fact) {
  if (fact.complete) {
    tell_missing(fact);
  }
  for (const discovery_change& change : *fact.changes) {
    tell(change);
  }
}

void record_observer::tell(const discovery_change& change) {
  if (const auto* put = std::get_if<record_put>(&change)) {
    const auto known = told_.find(put->key);
    if (known != told_.end() && known->second == put->value) {
      return;
    }
    told_.insert_or_assign(put->key, put->value);
  } else if (const auto* gone = std::get_if<record_deleted>(&change)) {
    told_.erase(gone->key);
  }
  on_change_(change);
}

void record_observer::tell_missing(const records_changed& fact) {
  std::set<std::string> present;
  for (const discovery_change& change : *fact.changes) {
    if (const auto* put = std::get_if<record_put>(&change)) {
      present.insert(put->key);
    }
  }
  for (auto at = told_.begin(); at != told_.end();) {
    if (present.contains(at->first)) {
      ++at;
      continue;
    }
    const record_deleted gone{where_, at->first};
    at = told_.erase(at);
    on_change_(gone);
  }
}

} // namespace dynamo::actors
