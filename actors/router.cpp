// Receive path, step 7: events are applied to what the router holds.

#include "actors/router.hpp"

#include "dynamo/base/ids.hpp"

#include <algorithm>
#include <utility>

namespace dynamo::actors {

namespace {

constexpr std::size_t timeline_max = 1024;

// The grid on which predictions expire; requests and workers time out slowly.
constexpr std::chrono::milliseconds tick_period{100};

// What is said within it goes to other routers together, as Dynamo does.
constexpr std::chrono::milliseconds sync_delay{1};

} // namespace

router::router(caf::actor_config& config, pool_plan plan,
               const surroundings& around)
    : event_based_actor(config)
    , plan_(std::move(plan))
    , around_(around)
    , router_(plan_.plan.options, plan_.plan.block_size,
              plan_.plan.kv_events ? cache_view::events
                                   : cache_view::prediction,
              plan_.router_id, random_u64())
    , random_(random_u64()) {
  seam::drop_unexpected(this);
}

caf::behavior router::make_behavior() {
  seam::delayed_send(this, tick_period, tick{});
  return {
      [this](const events_received& m) { return on_events_received(m); },
      [this](const notice_received& m) { on_notice_received(m); },
      [this](const records_changed& m) { on_records_changed(m); },
      [this](const choose_worker& m) { on_choose_worker(m); },
      [this](const request_prefilled& m) { return on_request_prefilled(m); },
      [this](const request_grew& m) { return on_request_grew(m); },
      [this](const request_ended& m) { return on_request_ended(m); },
      [this](const share_lookup&) { return on_share_lookup(); },
      [this](const report_router&) { return on_report(); },
      [this](const report_index&) { return on_report_index(); },
      [this](const report_requests&) { return on_report_requests(); },
      [this](const tick&) { on_tick(); },
      [this](const sync_due&) { on_sync_due(); },
  };
}

// -- Events

events_handled router::on_events_received(const events_received& fact) {
  const auto now = around_.time.now();
  bool may_release = false;
  for (const received_event& event : *fact.events) {
    // Every outcome is counted inside, see router_counts.
    if (const auto* batch = std::get_if<kv_events>(&event.value)) {
      if (event.generation == wire_generation::v1_3) {
        follow_unnamed(event.publisher_id, *batch);
      }
      static_cast<void>(router_.apply_events(event.publisher_id, *batch, now));
    } else if (const auto* load = std::get_if<active_load>(&event.value)) {
      static_cast<void>(router_.merge_load(*load, now));
    } else if (const auto* pass =
                   std::get_if<boxed<forward_pass_metrics>>(&event.value)) {
      static_cast<void>(router_.note_forward_pass(*pass, now));
    } else if (const auto* sequences =
                   std::get_if<active_sequence_events>(&event.value)) {
      if (!sequences->empty()) {
        replicas_[event.publisher_id] = sequences->front().router_id;
      }
      may_release = router_.apply(*sequences, now) || may_release;
    } else if (const auto* state = std::get_if<sequence_state>(&event.value)) {
      may_release = router_.apply(*state, now) || may_release;
    }
  }
  if (may_release) {
    release();
  }
  tell_others();
  return {};
}

void router::on_notice_received(const notice_received& fact) {
  const stream_notice& notice = fact.notice;
  if (const auto* gap = std::get_if<stream_gap>(&notice)) {
    router_.mark_source(gap->publisher_id, sync_state::partial);
    if (const auto replica = replicas_.find(gap->publisher_id);
        replica != replicas_.end()) {
      ++sequence_gaps_;
      router_.router_gap(replica->second);
    }
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
      router_.reconnect(link->publisher_id, around_.time.now());
      connected_.insert(link->publisher_id);
    } else {
      router_.cut_off(link->publisher_id);
      connected_.erase(link->publisher_id);
    }
    note({0, "connection_" + std::string{to_string(link->state)}, 0,
          link->publisher_id, link->reason});
  } else if (const auto* left = std::get_if<publisher_left>(&notice)) {
    router_.mark_source(left->publisher_id, sync_state::stale);
    if (const auto source = sources_.find(left->publisher_id);
        source != sources_.end() && source->second.is_unnamed) {
      source->second.gone_since = around_.time.now();
    }
    connected_.erase(left->publisher_id);
    if (const auto replica = replicas_.find(left->publisher_id);
        replica != replicas_.end()) {
      // One that lives on, with another publisher, repairs that soon.
      const std::uint64_t router_id = replica->second;
      replicas_.erase(replica);
      if (router_.router_left(router_id)) {
        release();
      }
    }
  }
}

void router::on_tick() {
  const auto now = around_.time.now();
  router_.expire(now);
  router_.tidy();
  router_.tick_replicas(now);
  forget_departed();
  release();
  tell_others();
  seam::delayed_send(this, tick_period, tick{});
}

// -- Requests

void router::on_choose_worker(const choose_worker& command) {
  auto promise = make_response_promise();
  auto outcome = router_.route(*command.request, *command.overlaps,
                               around_.time.now(), unit_interval(random_()));
  if (auto* choice = std::get_if<route_choice>(&outcome)) {
    promise.deliver(worker_chosen{std::move(*choice)});
  } else if (auto* refused = std::get_if<route_refusal>(&outcome)) {
    promise.deliver(worker_chosen{std::move(*refused)});
  } else {
    parked_.insert_or_assign(command.request->request_id, std::move(promise));
  }
  tell_others();
}

/// Answers those that wait no longer.
void router::release() {
  for (released_request& one : router_.release(
           around_.time.now(), [this] { return unit_interval(random_()); })) {
    const auto waiting = parked_.find(one.request_id);
    if (waiting == parked_.end()) {
      continue;
    }
    std::visit(
        [&](auto& outcome) {
          waiting->second.deliver(worker_chosen{std::move(outcome)});
        },
        one.outcome);
    parked_.erase(waiting);
  }
}

request_noted router::on_request_prefilled(const request_prefilled& fact) {
  const bool known =
      router_.mark_prefill_completed(fact.request_id, around_.time.now());
  release();
  tell_others();
  return {known};
}

request_noted router::on_request_grew(const request_grew& fact) {
  return {router_.add_output_block(fact.request_id, fact.progress,
                                   around_.time.now())};
}

request_noted router::on_request_ended(const request_ended& fact) {
  const bool known = router_.free(fact.request_id, around_.time.now());
  release();
  tell_others();
  return {known};
}

lookup_shared router::on_share_lookup() const {
  return {std::make_shared<const block_lookup>(router_.lookup())};
}

// -- Other routers

void router::tell_others() {
  if (plan_.sequences && !std::exchange(sync_is_due_, true)) {
    seam::delayed_send(this, sync_delay, sync_due{});
  }
}

void router::on_sync_due() {
  sync_is_due_ = false;
  // A publisher's buffer takes what it is given, or counts it as dropped; the
  // next summary repairs what others missed.
  for (auto events = router_.take_sequence_events(); !events.empty();
       events = router_.take_sequence_events()) {
    plan_.sequences->publish(std::move(events));
  }
  for (sequence_state& state : router_.take_sequence_states()) {
    plan_.states->publish(std::move(state));
  }
}

// -- Pictures

pool_shown router::on_report() const {
  const auto now = around_.time.now();
  pool_report pool;
  pool.owner = plan_.plan.owner;
  pool.role = plan_.role;
  pool.ranks = router_.ranks(now);
  pool.counts = router_.counts();
  pool.index = router_.index();
  pool.replicas = router_.replicas(now);
  pool.members = router_.members();
  pool.parked = router_.parked();
  pool.sequence_gaps = sequence_gaps_;
  pool.sources = sources_.size();
  for (const rank_report& rank : pool.ranks) {
    if (!rank.publisher_id || !sources_.contains(*rank.publisher_id)) {
      continue;
    }
    // Through a server there is no connection to a publisher to wait for.
    const bool is_heard = connected_.contains(*rank.publisher_id) ||
                          has_shared_link(around_.options);
    const bool is_current = rank.sync == sync_state::in_sync ||
                            (rank.sync == sync_state::waiting && is_heard);
    pool.sources_in_sync += is_current ? 1 : 0;
  }
  return {std::move(pool), {timeline_.begin(), timeline_.end()}};
}

index_report router::on_report_index() const {
  index_report report;
  for (rank_report& rank : router_.ranks(around_.time.now())) {
    auto blocks = router_.blocks(rank.rank);
    report.ranks.push_back({std::move(rank), std::move(blocks)});
  }
  return report;
}

pool_requests router::on_report_requests() const {
  return {plan_.plan.owner, plan_.router_id,
          router_.booked(around_.time.now())};
}

void router::note(timeline_entry entry) {
  entry.time_ms = static_cast<std::uint64_t>(around_.time.unix_time().count());
  if (plan_.plan.on_timeline) {
    plan_.plan.on_timeline(entry);
  }
  timeline_.push_back(std::move(entry));
  if (timeline_.size() > timeline_max) {
    timeline_.pop_front();
  }
}

} // namespace dynamo::actors
