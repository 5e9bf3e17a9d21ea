// Receive path, steps 4 to 7: the inbox is drained a batch at a time, and what
// the follower makes of each message goes to the consumer.

#include "actors/subscriber.hpp"

#include "dynamo/events/scope_v1_3.hpp"

#include <set>
#include <utility>

namespace dynamo::actors {

namespace {

wire_generation generation_of(const event_channel& channel) {
  return channel.generation;
}
wire_generation generation_of(const event_source&) {
  return wire_generation::v1_4;
}
wire_generation generation_of(const record& value) {
  const auto* channel = std::get_if<event_channel>(&value);
  return channel != nullptr ? channel->generation : wire_generation::v1_4;
}

/// The subscription to what publishers of 1.3 say. Ids are random.
subscription_id second_of(subscription_id first) {
  return first ^ 1;
}

// A consumer works on one batch while the next is ready.
constexpr std::size_t unanswered_max = 2;

admission admission_by(const plane_options& options) {
  return has_shared_link(options) ? admission::anybody : admission::discovered;
}

/// Which records name publishers. Those at brokers have no channel of their
/// own, but a source if they publish kv-events.
bucket records_by(const plane_options& options) {
  return options.transport == transport_kind::zmq && has_shared_link(options)
             ? bucket::event_sources
             : bucket::event_channels;
}

/// Where publishers of 1.3 speak on a connection that is shared; empty where it
/// is the same place. Brokers mixed all namespaces then, so that is asked for.
std::string subject_v1_3_by(const plane_options& options,
                            const subscription_plan& plan) {
  if (!has_shared_link(options)) {
    return {};
  }
  if (options.transport == transport_kind::zmq) {
    return options.publisher.generation == wire_generation::v1_3 ? plan.topic
                                                                 : "";
  }
  std::string subject = subject_v1_3_of(plan.owner, plan.topic);
  return subject == subject_of(plan.owner, plan.topic) ? std::string{}
                                                       : subject;
}

/// What a shared connection means for each stream on it.
connection_state connection_by(link_state link) {
  switch (link) {
  case link_state::connecting:
    return connection_state::connecting;
  case link_state::connected:
    return connection_state::connected;
  case link_state::reconnecting:
  case link_state::authentication_failed:
  case link_state::draining:
  case link_state::closed:
    break;
  }
  return connection_state::lost;
}

unreadable_policy policy_by(bad_event_policy policy) {
  return policy == bad_event_policy::skip_event ? unreadable_policy::skip
                                                : unreadable_policy::fail;
}

} // namespace

subscriber::subscriber(caf::actor_config& config,
                       std::shared_ptr<const subscription_plan> plan,
                       const surroundings& around)
    : event_based_actor(config)
    , plan_(std::move(plan))
    , around_(around)
    , admission_(admission_by(around.options))
    , records_(records_by(around.options))
    , subject_v1_3_(subject_v1_3_by(around.options, *plan_))
    , follower_(plan_->topic, plan_->options.publishers_max, admission_,
                policy_by(plan_->options.bad_events)) {
  follower_.tell_apart(subject_v1_3_);
  seam::drop_unexpected(this);
}

caf::behavior subscriber::make_behavior() {
  plan_->bell->connect(caf::actor_cast<caf::actor>(this));
  return {
      [this](const messages_waiting&) { on_messages_waiting(); },
      [this](const records_changed& m) { on_records_changed(m); },
      [this](const connection_changed& m) { on_connection_changed(m); },
      [this](const link_changed& m) { on_link_changed(m); },
      [this](const parts_started& m) { on_parts_started(m); },
      [this](const report_subscription&) { return on_report(); },
  };
}

// -- Messages

void subscriber::on_messages_waiting() {
  // Others get their turn before the next batch.
  if (drain_batch() == drain_outcome::more) {
    seam::send(this, caf::actor_cast<caf::actor>(this), messages_waiting{});
  }
}

subscriber::drain_outcome subscriber::drain_batch() {
  // Messages of publishers that nobody has named yet would be strangers'.
  const bool awaits_names =
      admission_ == admission::discovered && !knows_publishers_;
  if (awaits_names || unanswered_ >= unanswered_max) {
    return drain_outcome::held;
  }
  const auto batch_max = plan_->options.batch_max;
  const auto count = plan_->inbox->drain(taken_, batch_max);
  const auto now = around_.time.now();
  for (const auto& item : taken_) {
    follower_.take(item, now, deliveries_);
  }
  taken_.clear();
  deliver();
  return count == batch_max ? drain_outcome::more : drain_outcome::empty;
}

void subscriber::deliver() {
  // What a consumer throws must not bring the same events once more.
  std::vector<delivery> due;
  due.swap(deliveries_);
  if (plan_->consumer) {
    deliver_to_actor(due);
  } else {
    deliver_to_functions(due);
  }
  due.clear();
  deliveries_.swap(due);
}

void subscriber::deliver_to_functions(std::span<const delivery> due) {
  for (const delivery& one : due) {
    if (const auto* event = std::get_if<received_event>(&one)) {
      if (plan_->functions.on_event) {
        plan_->functions.on_event(*event);
      }
    } else if (plan_->functions.on_notice) {
      plan_->functions.on_notice(std::get<stream_notice>(one));
    }
  }
}

void subscriber::deliver_to_actor(std::span<delivery> due) {
  std::vector<received_event> run;
  for (std::size_t at = 0; at < due.size(); ++at) {
    delivery& one = due[at];
    if (auto* event = std::get_if<received_event>(&one)) {
      if (run.empty()) {
        run.reserve(due.size() - at);
      }
      run.push_back(std::move(*event));
      continue;
    }
    send_events(std::exchange(run, {}));
    seam::send(this, plan_->consumer,
               notice_received{plan_->id, std::get<stream_notice>(one)});
  }
  send_events(std::move(run));
}

void subscriber::send_events(std::vector<received_event> events) {
  if (events.empty()) {
    return;
  }
  ++unanswered_;
  const auto answered = [this] {
    --unanswered_;
    on_messages_waiting();
  };
  seam::request(
      this, plan_->consumer, caf::infinite,
      events_received{plan_->id,
                      std::make_shared<const std::vector<received_event>>(
                          std::move(events))})
      .then([answered](const events_handled&) { answered(); },
            [this, answered](const caf::error& reason) {
              around_.warn("subscriber of " + plan_->topic +
                           ": the consumer did not handle a batch: " +
                           seam::render(system(), reason));
              answered();
            });
}

// -- Publishers

void subscriber::on_parts_started(const parts_started& fact) {
  const auto self = caf::actor_cast<caf::actor>(this);
  bridge_ = fact.bridge;
  reconnector_ = fact.reconnector;
  watcher_ = fact.watcher;
  if (fact.bridge_is_new) {
    open(plan_->id, subject_of(plan_->owner, plan_->topic));
    if (!subject_v1_3_.empty()) {
      open(second_of(plan_->id), subject_v1_3_);
    }
  }
  if (fact.reconnector_is_new) {
    for (const peer& remote : follower_.wanted()) {
      seam::send(this, reconnector_, want_peer{plan_->id, remote, self});
    }
  }
  if (fact.watcher_is_new) {
    seam::send(this, watcher_, watch_bucket{records_, self});
  }
}

void subscriber::open(subscription_id id, const std::string& subject) {
  open_subscription command{
      {id,
       std::make_shared<const stream_name>(stream_name{plan_->topic, subject}),
       plan_->inbox, [bell = plan_->bell] { bell->ring(messages_waiting{}); }},
      caf::actor_cast<caf::actor>(this)};
  seam::send(this, bridge_, std::move(command));
}

void subscriber::on_records_changed(const records_changed& fact) {
  for (const discovery_change& change : *fact.changes) {
    on_record(change);
  }
  if (fact.complete) {
    drop_all_but(fact);
  }
  deliver();
  // A predecessor may have died with the wake-up in its hands.
  knows_publishers_ = true;
  on_messages_waiting();
}

void subscriber::on_record(const discovery_change& change) {
  if (const auto* stale = std::get_if<watch_stale>(&change)) {
    deliveries_.push_back(stream_notice{discovery_stale{true, stale->reason}});
    return;
  }
  if (std::holds_alternative<watch_synced>(change)) {
    deliveries_.push_back(stream_notice{discovery_stale{false, {}}});
    return;
  }
  if (const auto* put = std::get_if<record_put>(&change)) {
    if (const auto remote = peer_of(put->value)) {
      publisher_of_key_[put->key] = remote->publisher_id;
      act(follower_.found(*remote, deliveries_, generation_of(put->value)),
          *remote);
    }
    return;
  }
  const auto& deleted = std::get<record_deleted>(change);
  if (const auto found = publisher_of_key_.find(deleted.key);
      found != publisher_of_key_.end()) {
    const peer remote{found->second, {}};
    publisher_of_key_.erase(found);
    act(follower_.gone(remote.publisher_id, deliveries_), remote);
  }
}

/// The publisher that a record speaks of, if it is one of this stream and
/// publishes by this transport.
std::optional<peer> subscriber::peer_of(const record& value) const {
  const auto is_ours = [this](const auto& it) {
    return it.topic == plan_->topic &&
           (it.owner == plan_->owner ||
            (generation_of(it) == wire_generation::v1_3 &&
             it.owner == scope_v1_3_of(plan_->owner, plan_->topic)));
  };
  if (const auto* source = std::get_if<event_source>(&value)) {
    return is_ours(*source) ? std::optional{peer{source->publisher_id, {}}}
                            : std::nullopt;
  }
  const auto* channel = std::get_if<event_channel>(&value);
  if (channel == nullptr || !is_ours(*channel)) {
    return std::nullopt;
  }
  if (admission_ == admission::anybody) {
    return std::holds_alternative<nats_address>(channel->address)
               ? std::optional{peer{channel->publisher_id, {}}}
               : std::nullopt;
  }
  const auto* address = std::get_if<zmq_address>(&channel->address);
  return address != nullptr
             ? std::optional{peer{channel->publisher_id, address->endpoint}}
             : std::nullopt;
}

// A watcher that was started again shows the whole picture; what is not in it
// went while nobody looked.
void subscriber::drop_all_but(const records_changed& fact) {
  std::set<std::uint64_t> present;
  for (const discovery_change& change : *fact.changes) {
    if (const auto* put = std::get_if<record_put>(&change)) {
      present.insert(id_of(put->value));
    }
  }
  for (const peer& remote : follower_.wanted()) {
    if (!present.contains(remote.publisher_id)) {
      act(follower_.gone(remote.publisher_id, deliveries_), remote);
    }
  }
}

void subscriber::on_connection_changed(const connection_changed& fact) {
  // What came before a connection was lost is delivered before the notice,
  // unless the consumer is behind: then the notice is the more urgent of both.
  while (drain_batch() == drain_outcome::more) {
  }
  act(follower_.connection(fact.change, deliveries_), fact.change.remote);
  deliver();
}

void subscriber::on_link_changed(const link_changed& fact) {
  // As above.
  while (drain_batch() == drain_outcome::more) {
  }
  follower_.link(connection_by(fact.change.state), fact.change.reason,
                 deliveries_);
  deliver();
}

void subscriber::act(stream_follower::peer_action action, const peer& remote) {
  switch (action) {
  case stream_follower::peer_action::none:
    return;
  case stream_follower::peer_action::connect:
    seam::send(this, reconnector_,
               want_peer{plan_->id, remote, caf::actor_cast<caf::actor>(this)});
    return;
  case stream_follower::peer_action::drop:
    seam::send(this, reconnector_, drop_peer{plan_->id, remote.publisher_id});
    return;
  }
}

subscription_status subscriber::on_report() const {
  return {plan_->owner,
          plan_->topic,
          follower_.report(around_.time.now()),
          plan_->inbox->counts(),
          follower_.refused_publishers(),
          follower_.strangers()};
}

/// See reconnector::on_exit.
void subscriber::on_exit() {
  bridge_ = {};
  reconnector_ = {};
  watcher_ = {};
}

} // namespace dynamo::actors
