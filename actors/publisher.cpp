// Publish path, steps 2 to 4: what waits in the bounded buffer becomes messages
// (message_writer) and goes to the bridge, a batch at a time.

#include "actors/publisher.hpp"

#include "dynamo/base/ids.hpp"

#include <algorithm>
#include <utility>

namespace dynamo::actors {

namespace {

// Batches on their way: one being sent, one ready behind it. More would only
// move the backlog out of the buffer, whose limits are ours.
constexpr std::size_t in_flight_max = 2;

// Batches that are kept after they were confirmed, for a while.
constexpr std::size_t recent_max = 256;

std::shared_ptr<const stream_name> name_of(const publisher_request& request) {
  return std::make_shared<const stream_name>(
      stream_name{request.topic, subject_of(request.owner, request.topic)});
}

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
    , name_(name_of(plan_->request))
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
      [this](const batch_sent& m) { on_batch_sent(m); },
      [this](const batch_unheard& m) { on_batch_unheard(m); },
      [this](const sender_changed& m) { on_sender_changed(m); },
      [this](const offer_due&) { on_offer_due(); },
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
    send_all_again();
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

void publisher::on_sender_changed(const sender_changed& fact) {
  const bool is_another = fact.epoch != way_.epoch;
  const bool reopened = fact.is_open && (!way_.is_open || is_another);
  if (way_.is_open && !fact.is_open) {
    closed_at_ = around_.time.now();
  }
  way_ = fact;
  if (reopened) {
    repeat_recent();
    send_all_again();
  }
  drain();
}

// Answers come in order, but a batch that was sent twice is answered twice.
void publisher::on_batch_sent(const batch_sent& fact) {
  while (!outgoing_.empty() && outgoing_.front().batch.number < fact.number &&
         outgoing_.front().so_far == outgoing::progress::unheard) {
    // A later one was heard: its subscriber came too late for this one.
    count_unheard(outgoing_.front());
    outgoing_.pop_front();
  }
  if (outgoing_.empty() || outgoing_.front().batch.number != fact.number) {
    return;
  }
  outgoing confirmed = std::move(outgoing_.front());
  outgoing_.pop_front();
  is_heard_ = true;
  is_offering_ = false;
  if (!confirmed.confirmed_at) {
    totals_.sent += fact.sent;
    totals_.unheard += fact.unheard;
    totals_.refused += fact.refused;
  }
  keep_for_repeat(std::move(confirmed));
  drain();
}

void publisher::on_batch_unheard(const batch_unheard& fact) {
  const auto found = std::find_if(
      outgoing_.begin(), outgoing_.end(), [&](const outgoing& one) {
        return one.batch.number == fact.number &&
               one.so_far == outgoing::progress::in_flight;
      });
  if (found == outgoing_.end()) {
    return;
  }
  found->so_far = outgoing::progress::unheard;
  if (count_of(outgoing::progress::in_flight) > 0) {
    // What becomes of it depends on whether those are heard.
    return;
  }
  is_heard_ = false;
  if (!plan_->options.hold_without_subscriber || phase_ == phase::closing) {
    give_up_unheard();
    drain();
    return;
  }
  is_offering_ = true;
  seam::delayed_send(this, around_.options.nats.offer_interval, offer_due{});
}

void publisher::on_offer_due() {
  if (is_offering_ && count_of(outgoing::progress::in_flight) == 0) {
    send_all_again();
    drain();
  }
}

void publisher::send_all_again() {
  is_heard_ = false;
  for (outgoing& one : outgoing_) {
    one.so_far = outgoing::progress::unsent;
  }
}

// A server that ends closes its connections one after the other, and confirms
// meanwhile what a subscriber that was closed before does not get. Readers that
// got it drop what comes again.
void publisher::keep_for_repeat(outgoing confirmed) {
  const auto window = around_.options.nats.repeat_window;
  if (around_.options.transport != transport_kind::nats ||
      window.count() == 0) {
    return;
  }
  const auto now = around_.time.now();
  confirmed.confirmed_at = now;
  recent_.push_back(std::move(confirmed));
  while (recent_.size() > recent_max ||
         *recent_.front().confirmed_at + window < now) {
    recent_.pop_front();
  }
}

void publisher::repeat_recent() {
  const auto oldest = closed_at_ - around_.options.nats.repeat_window;
  for (; !recent_.empty(); recent_.pop_back()) {
    if (*recent_.back().confirmed_at >= oldest) {
      outgoing_.push_front(std::move(recent_.back()));
    }
  }
}

void publisher::give_up_unheard() {
  is_offering_ = false;
  std::erase_if(outgoing_, [this](const outgoing& one) {
    if (one.so_far != outgoing::progress::unheard) {
      return false;
    }
    count_unheard(one);
    return true;
  });
}

void publisher::count_unheard(const outgoing& one) {
  // What was confirmed before was heard then.
  totals_.unheard += one.confirmed_at ? 0 : one.batch.messages->size();
}

bool publisher::is_held() const {
  return plan_->options.hold_without_subscriber && phase_ != phase::closing &&
         way_.subscribers == 0U;
}

// Until somebody is known to listen, one batch at a time: were the first of two
// unheard and the second heard, the first could not be sent any more.
bool publisher::may_send() const {
  return endpoint_ && way_.is_open && !is_held() &&
         count_of(outgoing::progress::in_flight) <
             (is_heard_ ? in_flight_max : 1);
}

std::size_t publisher::count_of(outgoing::progress so_far) const {
  return static_cast<std::size_t>(
      std::count_if(outgoing_.begin(), outgoing_.end(),
                    [&](const outgoing& one) { return one.so_far == so_far; }));
}

void publisher::drain() {
  send_unsent();
  while (may_send() && !is_offering_ &&
         count_of(outgoing::progress::unsent) == 0) {
    std::vector<inbox_item<event>> items;
    if (plan_->buffer->drain(items, plan_->options.batch_max) == 0) {
      break;
    }
    number(std::move(items));
    send_unsent();
  }
  if (phase_ == phase::closing) {
    finish_closing();
  }
}

void publisher::send_unsent() {
  for (outgoing& one : outgoing_) {
    if (one.so_far == outgoing::progress::unsent && may_send()) {
      one.so_far = outgoing::progress::in_flight;
      one.batch.epoch = way_.epoch;
      seam::send(this, bridge_, one.batch);
    }
  }
}

void publisher::number(std::vector<inbox_item<event>> items) {
  auto messages = writer_.write(
      std::move(items), {around_.time.unix_time(), way_.envelope_bytes_max},
      [this](std::uint64_t sequence, const error& reason) {
        ++totals_.refused;
        around_.warn("publisher " + id_to_hex(publisher_id_) + ": message " +
                     std::to_string(sequence) +
                     " is lost: " + dynamo::to_string(reason));
      });
  outgoing_.push_back(
      {{publisher_id_, ++batch_number_, 0,
        std::make_shared<const std::vector<wire_message>>(std::move(messages))},
       outgoing::progress::unsent});
}

// -- Closing

void publisher::on_close() {
  if (phase_ == phase::closing || phase_ == phase::withdrawing) {
    return;
  }
  phase_ = phase::closing;
  if (std::exchange(is_offering_, false)) {
    // For the last time: a subscriber may have come since.
    send_all_again();
  }
  drain();
}

// The records go after the last event: a Dynamo subscriber disconnects as soon
// as the record is gone.
void publisher::finish_closing() {
  if (!outgoing_.empty() || plan_->buffer->counts().depth > 0) {
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
  report.subscribers = is_offering_ ? 0 : way_.subscribers;
  report.accepted = buffer.pushed;
  report.sequence = writer_.sequence();
  report.dropped = buffer.dropped;
  report.waiting = buffer.depth;
  return report;
}

/// See reconnector::on_exit.
void publisher::on_exit() {
  std::size_t unsent = plan_->buffer->counts().depth;
  for (const outgoing& one : outgoing_) {
    unsent += one.batch.messages->size();
  }
  if (phase_ == phase::closing && unsent > 0) {
    around_.warn("publisher " + id_to_hex(publisher_id_) + ": ended with " +
                 std::to_string(unsent) + " events or messages of " +
                 name_->subject + " that could not be delivered in time");
  }
  bridge_ = {};
  watcher_ = {};
}

} // namespace dynamo::actors
