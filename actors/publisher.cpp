// Publish path, steps 2 to 4 and 6: what waits in the bounded buffer becomes
// messages (message_writer), a batch at a time, which are sent at once
// (direct_outlet) or, with a server between, handed to the link (link_outlet).

#include "actors/publisher.hpp"

#include "actors/publisher_wire.hpp"
#include "dynamo/base/ids.hpp"
#include "dynamo/events/scope_v1_3.hpp"

#include <utility>

namespace dynamo::actors {

namespace {

/// While threads that publish send themselves, it is looked so often whether
/// they have left anything.
constexpr std::chrono::milliseconds stand_back_time{1};

} // namespace

publisher::publisher(caf::actor_config& config,
                     std::shared_ptr<const publisher_plan> plan,
                     const surroundings& around)
    : event_based_actor(config)
    , plan_(std::move(plan))
    , around_(around)
    , publisher_id_(random_publisher_id())
    , name_(
          std::make_shared<const stream_name>(name_of(*plan_, around.options)))
    , writer_(name_, publisher_id_,
              generation_of(around.options, plan_->options.generation))
    , retry_delay_(around.options.reconnect.delay, publisher_id_) {
  seam::drop_unexpected(this);
}

caf::behavior publisher::make_behavior() {
  plan_->bell->connect(caf::actor_cast<caf::actor>(this));
  return {
      [this](const events_waiting&) { on_events_waiting(); },
      [this](const sender_opened& m) { on_sender_opened(m); },
      [this](const sender_failed& m) { on_sender_failed(m); },
      [this](const records_put&) { on_records_put(); },
      [this](const put_failed& m) { on_put_failed(m); },
      [this](const subscribers_changed&) { on_subscribers_changed(); },
      [this](const batch_sent& m) { on_batch_sent(m); },
      [this](const batch_unheard& m) { on_batch_unheard(m); },
      [this](const sender_changed& m) { on_sender_changed(m); },
      [this](const offer_due&) { on_offer_due(); },
      [this](const look_again&) { on_look_again(); },
      [this](const parts_started& m) { on_parts_started(m); },
      [this](const close_publisher&) { on_close(); },
      [this](const records_removed&) { on_records_removed(); },
      [this](const retry_due&) { on_retry_due(); },
      [this](const report_publisher&) { return on_report(); },
  };
}

// -- Binding and registering

void publisher::on_parts_started(const parts_started& fact) {
  bridge_ = fact.bridge;
  watcher_ = fact.watcher;
  if (fact.bridge_is_new) {
    // The answers of the former bridge may be lost with it.
    open();
    plan_->link_out->send_again();
  }
  if (fact.watcher_is_new && phase_ == phase::registering) {
    register_records();
  }
  if (fact.watcher_is_new && phase_ == phase::withdrawing) {
    seam::send(this, watcher_,
               remove_records{caf::actor_cast<caf::actor>(this)});
  }
}

void publisher::open() {
  seam::send(
      this, bridge_,
      open_sender{{publisher_id_, name_}, caf::actor_cast<caf::actor>(this)});
}

void publisher::on_sender_opened(const sender_opened& fact) {
  if (endpoint_) {
    return;
  }
  endpoint_ = fact.endpoint;
  const auto on_refused = [this](std::uint64_t sequence, const error& reason) {
    warn_of_loss(sequence, reason);
  };
  if (fact.out) {
    is_direct_ = true;
    plan_->direct_out->open(fact.out, std::move(writer_), around_.time,
                            on_refused);
  } else {
    plan_->link_out->open({fact.link, publisher_id_, std::move(writer_),
                           outgoing_window{repeat_window_of(around_.options)},
                           &around_.time, on_refused});
  }
  retry_delay_.reset();
  if (phase_ == phase::opening) {
    phase_ = phase::registering;
    register_records();
  }
  on_subscribers_changed();
}

void publisher::on_sender_failed(const sender_failed& fact) {
  retry(fact.reason, "binding");
}

/// Where subscribers find the publisher; nothing with brokers, at which they
/// are already.
std::optional<event_channel> publisher::channel() const {
  const auto& [owner, topic] =
      std::tie(plan_->request.owner, plan_->request.topic);
  const bool is_v1_3 = plan_->options.generation == wire_generation::v1_3;
  event_channel made;
  made.owner = is_v1_3 ? scope_v1_3_of(owner, topic) : owner;
  made.topic = topic;
  made.publisher_id = publisher_id_;
  made.generation = plan_->options.generation;
  if (!endpoint_->empty()) {
    made.address = zmq_address{*endpoint_};
  } else if (around_.options.transport == transport_kind::nats) {
    made.address = nats_address{is_v1_3 ? subject_prefix_v1_3_of(owner, topic)
                                        : subject_prefix_of(owner)};
  } else {
    return std::nullopt;
  }
  return made;
}

// A record must not be found before its address is final.
void publisher::register_records() {
  const auto& request = plan_->request;
  put_records command{{}, caf::actor_cast<caf::actor>(this)};
  if (auto found_at = channel()) {
    command.values.push_back(*std::move(found_at));
  }
  // Up to 1.3 events say themselves whose they are.
  if (request.source && plan_->options.generation != wire_generation::v1_3) {
    kv_source_metadata metadata = *request.source;
    metadata.publisher_id = publisher_id_;
    command.values.push_back(event_source{request.owner, request.topic,
                                          publisher_id_, to_json(metadata)});
  }
  seam::send(this, watcher_, std::move(command));
}

void publisher::on_records_put() {
  advertised_ = true;
  retry_delay_.reset();
  if (phase_ == phase::registering) {
    phase_ = phase::running;
    around_.debug("publisher " + id_to_hex(publisher_id_) + ": " +
                  name_->subject + " at " + *endpoint_);
  }
}

void publisher::on_put_failed(const put_failed& fact) {
  retry(fact.reason, "registering");
}

void publisher::retry(const error& reason, std::string_view what) {
  const auto delay = retry_delay_.next();
  around_.warn("publisher " + id_to_hex(publisher_id_) + ": " +
               std::string{what} + " failed, next attempt in " +
               std::to_string(delay.count()) +
               " ms: " + dynamo::to_string(reason));
  seam::delayed_send(this, delay, retry_due{});
}

void publisher::on_retry_due() {
  if (phase_ == phase::opening) {
    open();
  } else if (phase_ == phase::registering) {
    register_records();
  }
}

// -- Sending

void publisher::on_subscribers_changed() {
  if (is_direct_) {
    plan_->direct_out->look_at_subscribers();
  }
  drain();
}

void publisher::on_sender_changed(const sender_changed& fact) {
  plan_->link_out->change_way(
      {fact.is_open, fact.epoch, fact.envelope_bytes_max});
  drain();
}

void publisher::on_batch_sent(const batch_sent& fact) {
  plan_->link_out->on_sent(fact.number, {fact.sent, 0, fact.refused});
  drain();
}

void publisher::on_batch_unheard(const batch_unheard& fact) {
  using enum link_outlet::unheard_batch;
  const auto becomes = plan_->link_out->on_unheard(fact.number);
  if (becomes == lost) {
    drain();
  } else if (becomes == held && !std::exchange(offer_is_due_, true)) {
    seam::delayed_send(this, link_timing_of(around_.options).offer_interval,
                       offer_due{});
  }
}

void publisher::on_offer_due() {
  offer_is_due_ = false;
  plan_->link_out->offer_again();
  drain();
}

void publisher::drain() {
  if (is_direct_) {
    send_directly();
  } else {
    plan_->link_out->serve(plan_->options.batch_max);
  }
  if (phase_ == phase::closing) {
    finish_closing();
  }
}

void publisher::send_directly() {
  if (!plan_->direct_out->serve(plan_->options.batch_max)) {
    return;
  }
  if (plan_->direct_out->was_attended()) {
    stand_back();
    return;
  }
  // Others get their turn before the next batch.
  seam::send(this, caf::actor_cast<caf::actor>(this), events_waiting{});
}

// Threads that publish send what waits before them, too. Two that take turns at
// a socket are slower than one.
void publisher::stand_back() {
  if (!std::exchange(stands_back_, true)) {
    seam::delayed_send(this, stand_back_time, look_again{});
  }
}

void publisher::on_look_again() {
  stands_back_ = false;
  if (plan_->direct_out->was_attended()) {
    stand_back();
  } else {
    drain();
  }
}

/// From any thread.
void publisher::warn_of_loss(std::uint64_t sequence,
                             const error& reason) const {
  around_.warn("publisher " + id_to_hex(publisher_id_) + ": message " +
               std::to_string(sequence) +
               " is lost: " + dynamo::to_string(reason));
}

// -- Closing

void publisher::on_close() {
  if (phase_ == phase::closing || phase_ == phase::withdrawing) {
    return;
  }
  phase_ = phase::closing;
  plan_->direct_out->stop_holding();
  plan_->link_out->stop_holding();
  drain();
}

// The records go after the last event: a Dynamo subscriber disconnects as soon
// as the record is gone.
void publisher::finish_closing() {
  if (!plan_->link_out->is_done()) {
    return;
  }
  phase_ = phase::withdrawing;
  seam::send(this, watcher_, remove_records{caf::actor_cast<caf::actor>(this)});
}

void publisher::on_records_removed() {
  if (phase_ == phase::withdrawing) {
    seam::send(this, bridge_, close_sender{publisher_id_});
    quit();
  }
}

publisher_status publisher::on_report() const {
  const inbox_counts buffer = plan_->buffer->counts();
  const auto own =
      is_direct_ ? plan_->direct_out->look() : direct_outlet::picture{};
  const auto linked = plan_->link_out->look();
  const auto& answered = linked.answered;
  publisher_status report;
  report.owner = plan_->request.owner;
  report.topic = plan_->request.topic;
  report.publisher_id = publisher_id_;
  report.endpoint = endpoint_.value_or("");
  report.advertised = advertised_;
  if (is_direct_) {
    report.subscribers = own.listeners;
  } else if (linked.is_holding) {
    report.subscribers = 0;
  }
  report.sent = answered.sent + own.counts.sent;
  report.unheard = answered.unheard + own.counts.unheard;
  report.refused = answered.refused + own.counts.refused + own.not_encoded +
                   linked.not_encoded;
  report.accepted = buffer.pushed;
  report.sequence = is_direct_ ? own.sequence : linked.sequence;
  report.dropped = buffer.dropped;
  report.waiting = buffer.depth;
  return report;
}

/// See reconnector::on_exit.
void publisher::on_exit() {
  const std::size_t unsent =
      plan_->buffer->counts().depth + plan_->link_out->look().unanswered;
  if (phase_ == phase::closing && unsent > 0) {
    around_.warn("publisher " + id_to_hex(publisher_id_) + ": ended with " +
                 std::to_string(unsent) + " events or messages of " +
                 name_->subject + " that could not be delivered in time");
  }
  bridge_ = {};
  watcher_ = {};
  // Sockets must be closed before their transport is.
  plan_->direct_out->close();
  plan_->link_out->close();
}

} // namespace dynamo::actors
