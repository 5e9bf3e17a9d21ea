// Publish path, steps 2 to 4: what waits in the bounded buffer gets its topic,
// time and next sequence number, is encoded once, and goes to the bridge.

#include "actors/publisher.hpp"

#include "dynamo/base/ids.hpp"
#include "dynamo/wire/envelope_codec.hpp"
#include "dynamo/wire/event_codec.hpp"

#include <algorithm>
#include <utility>

namespace dynamo::actors {

namespace {

// Batches on their way to the bridge: one being sent, one ready behind it. More
// would only move the backlog out of the buffer, whose limits are ours.
constexpr std::size_t unanswered_max = 2;

payload_generation generation_of(const plane_options& options,
                                 wire_generation wanted) {
  if (wanted == wire_generation::v1_3) {
    return payload_generation::v1_3;
  }
  return options.transport == transport_kind::nats
             ? payload_generation::v1_4_nats
             : payload_generation::v1_4;
}

} // namespace

publisher::publisher(caf::actor_config& config,
                     std::shared_ptr<const publisher_plan> plan,
                     const surroundings& around)
    : event_based_actor(config)
    , plan_(std::move(plan))
    , around_(around)
    , publisher_id_(random_publisher_id())
    , retry_delay_(around.options.reconnect.delay, publisher_id_) {
  const auto& request = plan_->request;
  name_ = std::make_shared<const stream_name>(
      stream_name{request.topic, subject_of(request.owner, request.topic)});
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
      [this](const batch_sent& m) { on_batch_sent(m); },
      [this](const subscribers_changed& m) { on_subscribers_changed(m); },
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
    for (const send_batch& batch : unanswered_) {
      seam::send(this, bridge_, batch);
    }
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
  retry_delay_.reset();
  if (phase_ == phase::opening) {
    phase_ = phase::registering;
    register_records();
  }
  drain();
}

void publisher::on_sender_failed(const sender_failed& fact) {
  retry(fact.reason, "binding");
}

// A record must not be found before its address is final.
void publisher::register_records() {
  const auto& request = plan_->request;
  event_channel channel{request.owner, request.topic, publisher_id_, {}};
  if (endpoint_->empty()) {
    channel.address = nats_address{subject_prefix_of(request.owner)};
  } else {
    channel.address = zmq_address{*endpoint_};
  }
  put_records command{{std::move(channel)}, caf::actor_cast<caf::actor>(this)};
  if (request.source) {
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

void publisher::on_subscribers_changed(const subscribers_changed& fact) {
  subscribers_ = fact.count;
  drain();
}

void publisher::on_batch_sent(const batch_sent& fact) {
  // A batch that was sent again is answered twice at most; the first counts.
  if (unanswered_.empty() || unanswered_.front().number != fact.number) {
    return;
  }
  unanswered_.pop_front();
  totals_.sent += fact.sent;
  totals_.unheard += fact.unheard;
  totals_.refused += fact.refused;
  drain();
}

bool publisher::may_send() const {
  const bool held = plan_->options.hold_without_subscriber &&
                    phase_ != phase::closing && subscribers_ == 0U;
  return endpoint_ && !held && unanswered_.size() < unanswered_max;
}

void publisher::drain() {
  while (may_send()) {
    std::vector<inbox_item<event>> items;
    if (plan_->buffer->drain(items, plan_->options.batch_max) == 0) {
      break;
    }
    number(std::move(items));
  }
  if (phase_ == phase::closing) {
    finish_closing();
  }
}

// Events that the buffer dropped take numbers too, so that every subscriber
// sees a gap of exactly their count, in their place.
void publisher::number(std::vector<inbox_item<event>> items) {
  for (auto& item : items) {
    if (item.dropped_before > 0) {
      flush_kv_events();
      sequence_ += item.dropped_before;
    }
    append(std::move(item.value));
  }
  flush_kv_events();
  send_pending();
}

void publisher::append(event value) {
  const auto generation =
      generation_of(around_.options, plan_->options.generation);
  if (auto* events = std::get_if<kv_events>(&value)) {
    std::move(events->begin(), events->end(),
              std::back_inserter(pending_events_));
    return;
  }
  if (auto* events = std::get_if<active_sequence_events>(&value)) {
    for (const auto& message :
         split_active_sequences(std::move(*events), generation)) {
      payload_.clear();
      encode_active_sequences(message, generation, payload_);
      append_payload(payload_);
    }
    return;
  }
  payload_.clear();
  encode_event(value, generation, payload_);
  append_payload(payload_);
}

// kv-events that wait together travel together, up to Dynamo's limits.
void publisher::flush_kv_events() {
  const auto generation =
      generation_of(around_.options, plan_->options.generation);
  std::span<const router_event> rest{pending_events_};
  while (!rest.empty()) {
    const auto count = kv_events_in_message(rest, generation);
    payload_.clear();
    encode_kv_events(rest.first(count), generation, payload_);
    append_payload(payload_);
    rest = rest.subspan(count);
  }
  pending_events_.clear();
}

void publisher::append_payload(byte_view payload) {
  const auto now = around_.time.unix_time().count();
  wire_message message{name_, publisher_id_, sequence_++, {}};
  const status encoded =
      encode_envelope({message.publisher_id, message.sequence,
                       static_cast<std::uint64_t>(now), name_->topic, payload},
                      message.envelope);
  if (!encoded) {
    ++totals_.refused;
    around_.warn("publisher " + id_to_hex(publisher_id_) + ": message " +
                 std::to_string(message.sequence) +
                 " is lost: " + dynamo::to_string(encoded.error()));
    return;
  }
  pending_.push_back(std::move(message));
}

void publisher::send_pending() {
  unanswered_.push_back({publisher_id_, ++batch_number_,
                         std::make_shared<const std::vector<wire_message>>(
                             std::exchange(pending_, {}))});
  seam::send(this, bridge_, unanswered_.back());
}

// -- Closing

void publisher::on_close() {
  if (phase_ == phase::closing || phase_ == phase::withdrawing) {
    return;
  }
  phase_ = phase::closing;
  drain();
}

// The records go after the last event: a Dynamo subscriber disconnects as soon
// as the record is gone.
void publisher::finish_closing() {
  if (!unanswered_.empty()) {
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
  publisher_status report = totals_;
  report.owner = plan_->request.owner;
  report.topic = plan_->request.topic;
  report.publisher_id = publisher_id_;
  report.endpoint = endpoint_.value_or("");
  report.advertised = advertised_;
  report.subscribers = subscribers_;
  report.accepted = buffer.pushed;
  report.sequence = sequence_;
  report.dropped = buffer.dropped;
  report.waiting = buffer.depth;
  return report;
}

/// See reconnector::on_exit.
void publisher::on_exit() {
  bridge_ = {};
  watcher_ = {};
}

} // namespace dynamo::actors
