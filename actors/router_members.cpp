// Who the workers are, and which publishers speak for them.

#include "actors/router.hpp"
#include "dynamo/base/ids.hpp"
#include "dynamo/events/topic.hpp"

#include <set>
#include <utility>

namespace dynamo::actors {

void router::on_records_changed(const records_changed& fact) {
  if (fact.complete) {
    forget_all_but(fact);
  }
  for (const discovery_change& change : *fact.changes) {
    if (const auto* put_record = std::get_if<record_put>(&change)) {
      put(*put_record);
    } else if (const auto* gone = std::get_if<record_deleted>(&change)) {
      erase(gone->where, gone->key);
    }
  }
}

void router::put(const record_put& change) {
  if (const auto* source = std::get_if<event_source>(&change.value)) {
    put_source(change.key, *source);
  } else {
    put_worker(change.key, change.value);
  }
}

void router::put_worker(const std::string& key, const record& value) {
  if (const auto* endpoint = std::get_if<endpoint_instance>(&value)) {
    if (belongs(endpoint->ns, endpoint->component, endpoint->endpoint)) {
      records_.insert_or_assign({bucket_of(value), key}, value);
      followed_worker& one = workers_[endpoint->instance_id];
      one.endpoint = *endpoint;
      join(endpoint->instance_id, one);
    }
  } else if (const auto* card = std::get_if<model_card>(&value)) {
    if (belongs(card->ns, card->component, card->endpoint)) {
      records_.insert_or_assign({bucket_of(value), key}, value);
      followed_worker& one = workers_[card->instance_id];
      one.model = *card;
      join(card->instance_id, one);
    }
  }
}

void router::put_source(const std::string& key, const event_source& value) {
  if (value.topic != topics::kv_events || value.owner != plan_.plan.owner) {
    return;
  }
  const auto metadata = kv_source_metadata_from_json(value.metadata);
  if (!metadata) {
    around_.warn("router: source " + id_to_hex(value.publisher_id) +
                 " is not followed: " + dynamo::to_string(metadata.error()));
    return;
  }
  records_.insert_or_assign({bucket_of(value), key}, value);
  sources_[value.publisher_id] = {*metadata, {}, false};
  const status bound = router_.bind_source(
      value.publisher_id, {metadata->worker_id, metadata->dp_rank},
      around_.time.now());
  if (!bound) {
    around_.warn("router: source " + id_to_hex(value.publisher_id) +
                 " is not followed: " + dynamo::to_string(bound.error()));
  }
}

/// A publisher in the form of 1.3: the first event says whose they are.
void router::follow_unnamed(std::uint64_t publisher_id,
                            const kv_events& events) {
  const auto known = sources_.find(publisher_id);
  if (known != sources_.end()) {
    known->second.gone_since.reset();
    return;
  }
  if (events.empty()) {
    return;
  }
  kv_source_metadata said;
  said.kv_state_endpoint = plan_.plan.owner;
  said.worker_id = events.front().worker_id;
  said.dp_rank = events.front().event.dp_rank;
  said.publisher_id = publisher_id;
  const status bound = router_.bind_source(
      publisher_id, {said.worker_id, said.dp_rank}, around_.time.now());
  if (bound) {
    sources_[publisher_id] = {said, {}, true};
    return;
  }
  // Its events are counted as those of nobody; it is said once.
  if (!std::exchange(refused_unnamed_, true)) {
    around_.warn("router: publisher " + id_to_hex(publisher_id) +
                 " is not followed: " + dynamo::to_string(bound.error()));
  }
}

void router::erase(bucket where, const std::string& key) {
  const auto found = records_.find({where, key});
  if (found == records_.end()) {
    return;
  }
  const record gone = std::move(found->second);
  records_.erase(found);
  const std::uint64_t id = id_of(gone);
  if (std::holds_alternative<event_source>(gone)) {
    sources_[id].gone_since = around_.time.now();
    router_.mark_source(id, sync_state::stale);
    return;
  }
  followed_worker& one = workers_[id];
  if (std::holds_alternative<endpoint_instance>(gone)) {
    one.endpoint.reset();
    leave(id, one);
  } else {
    one.model.reset();
    // One that was a member is forgotten when its time is over.
    if (!one.endpoint && !one.gone_since) {
      workers_.erase(id);
    }
  }
}

/// A watcher that was started again shows the whole picture of a bucket.
void router::forget_all_but(const records_changed& fact) {
  std::set<std::string> present;
  for (const discovery_change& change : *fact.changes) {
    if (const auto* put_record = std::get_if<record_put>(&change)) {
      present.insert(put_record->key);
    }
  }
  std::vector<std::string> gone;
  for (const auto& [place, value] : records_) {
    if (place.first == fact.where && !present.contains(place.second)) {
      gone.push_back(place.second);
    }
  }
  for (const std::string& key : gone) {
    erase(fact.where, key);
  }
}

void router::join(std::uint64_t worker_id, followed_worker& one) {
  if (!one.endpoint) {
    return;
  }
  worker_profile profile;
  if (const auto address = host_and_port_of(*one.endpoint)) {
    profile.endpoint = "http://" + *address;
  }
  if (one.model) {
    const rank_range ranks = ranks_of(*one.model);
    profile.first_rank = ranks.first;
    profile.rank_count = ranks.count;
    const worker_capacity capacity = capacity_of(*one.model);
    profile.capacity = {capacity.total_kv_blocks,
                        capacity.max_num_batched_tokens};
    profile.taints = taints_of(*one.model);
  }
  const std::string url = profile.endpoint;
  if (const status added = router_.add_worker(worker_id, std::move(profile));
      !added) {
    around_.warn("router: worker " + std::to_string(worker_id) +
                 " is not used: " + dynamo::to_string(added.error()));
    return;
  }
  one.gone_since.reset();
  if (!std::exchange(one.joined, true)) {
    note({0, "worker_joined", worker_id, 0, url});
  }
  release();
}

void router::leave(std::uint64_t worker_id, followed_worker& one) {
  if (std::exchange(one.joined, false)) {
    router_.suspend_worker(worker_id);
    one.gone_since = around_.time.now();
    note({0, "worker_left", worker_id, 0, {}});
  }
}

bool router::belongs(const std::string& ns, const std::string& component,
                     const std::string& endpoint) const {
  return scope::of_endpoint(ns, component, endpoint) == plan_.plan.owner;
}

void router::forget_departed() {
  const auto now = around_.time.now();
  const auto over = [&](const std::optional<clock::time_point>& since) {
    return since && now - *since >= plan_.plan.options.departed_ttl;
  };
  std::erase_if(sources_, [&](const auto& entry) {
    if (!over(entry.second.gone_since)) {
      return false;
    }
    router_.unbind_source(entry.first, now);
    return true;
  });
  std::erase_if(workers_, [&](const auto& entry) {
    if (!over(entry.second.gone_since)) {
      return false;
    }
    router_.remove_worker(entry.first);
    note({0, "worker_removed", entry.first, 0, {}});
    return true;
  });
}

} // namespace dynamo::actors
