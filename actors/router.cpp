// Receive path, step 7: events are applied to what the router holds.

#include "actors/router.hpp"

#include "dynamo/base/ids.hpp"
#include "dynamo/events/topic.hpp"

#include <set>
#include <utility>

namespace dynamo::actors {

namespace {

constexpr std::size_t timeline_max = 1024;

// Requests and workers time out in minutes.
constexpr std::chrono::seconds expiry_period{1};

} // namespace

router::router(caf::actor_config& config, router_plan plan,
               const surroundings& around)
    : event_based_actor(config)
    , plan_(std::move(plan))
    , around_(around)
    , router_(plan_.options, plan_.block_size)
    , random_(random_u64()) {
  seam::drop_unexpected(this);
}

caf::behavior router::make_behavior() {
  seam::delayed_send(this, expiry_period, tick{});
  return {
      [this](const events_received& m) { return on_events_received(m); },
      [this](const notice_received& m) { on_notice_received(m); },
      [this](const records_changed& m) { on_records_changed(m); },
      [this](const choose_worker& m) { return on_choose_worker(m); },
      [this](const request_prefilled& m) { return on_request_prefilled(m); },
      [this](const request_ended& m) { return on_request_ended(m); },
      [this](const find_overlaps& m) { return on_find_overlaps(m); },
      [this](const report_router&) { return on_report(); },
      [this](const report_index&) { return on_report_index(); },
      [this](const tick&) { on_tick(); },
  };
}

// -- Events

events_handled router::on_events_received(const events_received& fact) {
  for (const received_event& event : *fact.events) {
    if (const auto* batch = std::get_if<kv_events>(&event.value)) {
      // Every outcome is counted inside, see router_counts.
      static_cast<void>(router_.apply_events(event.publisher_id, *batch));
    } else if (const auto* load = std::get_if<active_load>(&event.value)) {
      static_cast<void>(router_.merge_load(*load));
    }
  }
  return {};
}

void router::on_notice_received(const notice_received& fact) {
  const stream_notice& notice = fact.notice;
  if (const auto* gap = std::get_if<stream_gap>(&notice)) {
    router_.mark_source(gap->publisher_id, sync_state::partial);
    note({0, "stream_gap", 0, gap->publisher_id,
          std::to_string(gap->missed) + " missed"});
  } else if (const auto* again = std::get_if<stream_restarted>(&notice)) {
    router_.reset_source(again->publisher_id);
    note({0, "stream_restarted", 0, again->publisher_id, {}});
  } else if (const auto* bad = std::get_if<stream_unreadable>(&notice)) {
    router_.mark_source(bad->publisher_id, sync_state::partial);
    note({0, "stream_unreadable", 0, bad->publisher_id, bad->reason.message});
  } else if (const auto* link = std::get_if<stream_connection>(&notice)) {
    if (link->state == connection_state::lost) {
      router_.mark_source(link->publisher_id, sync_state::stale);
    }
    if (link->state == connection_state::connected) {
      router_.reconnect(link->publisher_id);
    } else {
      router_.cut_off(link->publisher_id);
    }
    note({0, "connection_" + std::string{to_string(link->state)}, 0,
          link->publisher_id, link->reason});
  } else if (const auto* left = std::get_if<publisher_left>(&notice)) {
    router_.mark_source(left->publisher_id, sync_state::stale);
  }
}

// -- Membership

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
  if (value.topic != topics::kv_events || value.owner != plan_.owner) {
    return;
  }
  const auto metadata = kv_source_metadata_from_json(value.metadata);
  if (!metadata) {
    around_.warn("router: source " + id_to_hex(value.publisher_id) +
                 " is not followed: " + dynamo::to_string(metadata.error()));
    return;
  }
  records_.insert_or_assign({bucket_of(value), key}, value);
  sources_[value.publisher_id] = {*metadata, {}};
  const status bound = router_.bind_source(
      value.publisher_id, {metadata->worker_id, metadata->dp_rank});
  if (!bound) {
    around_.warn("router: source " + id_to_hex(value.publisher_id) +
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
  const auto ranks = one.model ? ranks_of(*one.model) : rank_range{};
  const auto address = host_and_port_of(*one.endpoint);
  const std::string url = address ? "http://" + *address : std::string{};
  if (const status added =
          router_.add_worker(worker_id, ranks.first, ranks.count, url);
      !added) {
    around_.warn("router: worker " + std::to_string(worker_id) +
                 " is not used: " + dynamo::to_string(added.error()));
    return;
  }
  one.gone_since.reset();
  if (!std::exchange(one.joined, true)) {
    note({0, "worker_joined", worker_id, 0, url});
  }
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
  return scope::of_endpoint(ns, component, endpoint) == plan_.owner;
}

void router::on_tick() {
  const auto now = around_.time.now();
  const auto over = [&](const std::optional<clock::time_point>& since) {
    return since && now - *since >= plan_.options.departed_ttl;
  };
  router_.expire(now);
  std::erase_if(sources_, [&](const auto& entry) {
    if (!over(entry.second.gone_since)) {
      return false;
    }
    router_.unbind_source(entry.first);
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
  seam::delayed_send(this, expiry_period, tick{});
}

// -- Requests

worker_chosen router::on_choose_worker(const choose_worker& command) {
  const route_query& query = *command.query;
  route_request wanted;
  wanted.request_id = query.request_id;
  wanted.local = query.local;
  wanted.prompt_tokens = query.prompt_tokens;
  wanted.expected_output_tokens = query.expected_output_tokens;
  auto choice =
      router_.choose(wanted, around_.time.now(), unit_interval(random_()));
  if (!choice) {
    return {std::nullopt, choice.error()};
  }
  return {*std::move(choice), std::nullopt};
}

request_noted router::on_request_prefilled(const request_prefilled& fact) {
  return {router_.mark_prefill_completed(fact.request_id)};
}

request_noted router::on_request_ended(const request_ended& fact) {
  return {router_.free(fact.request_id)};
}

overlaps_found router::on_find_overlaps(const find_overlaps& question) const {
  return {router_.overlaps(*question.local)};
}

// -- Pictures

router_report router::on_report() const {
  return {router_.ranks(),
          router_.counts(),
          router_.index(),
          {timeline_.begin(), timeline_.end()}};
}

index_report router::on_report_index() const {
  index_report report;
  for (rank_report& rank : router_.ranks()) {
    auto blocks = router_.blocks(rank.rank);
    report.ranks.push_back({std::move(rank), std::move(blocks)});
  }
  return report;
}

void router::note(timeline_entry entry) {
  entry.time_ms = static_cast<std::uint64_t>(around_.time.unix_time().count());
  if (plan_.on_timeline) {
    plan_.on_timeline(entry);
  }
  timeline_.push_back(std::move(entry));
  if (timeline_.size() > timeline_max) {
    timeline_.pop_front();
  }
}

} // namespace dynamo::actors
