#include "dynamo/transport/broker_client.hpp"

#include "dynamo/transport/signal_shield.hpp"
#include "dynamo/wire/zmq_message.hpp"

#include <algorithm>
#include <cassert>
#include <system_error>
#include <utility>

// Publish path, step 6, and receive path, steps 2 to 4, when there are brokers
// between: each message goes to every broker, and comes to the inbox once.

namespace dynamo {

namespace {

using namespace std::chrono_literals;

/// While every broker's queue is full, and while the owner's inbox is: neither
/// tells when it has room.
constexpr auto retry_interval = 2ms;
constexpr auto idle_wait = 1000ms;

path_merge_limits limits_of(const zmq_options& options) {
  path_merge_limits limits;
  limits.gap_wait = options.broker.gap_wait;
  return limits;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) {
    all += (all.empty() ? "" : ", ") + text;
  }
  return all;
}

/// Opens what is wanted and not there, and closes what is neither wanted nor
/// connected. Says why something could not be opened.
template <class Path, class Open>
std::string adjust(std::vector<std::unique_ptr<Path>>& paths,
                   const std::vector<std::string>& wanted, const Open& open) {
  std::erase_if(paths, [&](const auto& one) {
    const auto& endpoint = one->status().endpoint;
    return !one->is_up() &&
           std::find(wanted.begin(), wanted.end(), endpoint) == wanted.end();
  });
  std::string failure;
  for (const std::string& endpoint : wanted) {
    const bool is_there =
        std::any_of(paths.begin(), paths.end(), [&](const auto& one) {
          return one->status().endpoint == endpoint;
        });
    if (is_there) {
      continue;
    }
    auto opened = open(endpoint);
    if (opened) {
      paths.push_back(*std::move(opened));
    } else {
      failure = opened.error().message;
    }
  }
  return failure;
}

} // namespace

// -- Members for everybody

result<std::unique_ptr<broker_link>>
broker_client::start(const zmq_options& options, broker_endpoints brokers) {
  auto bell = doorbell::make();
  if (!bell) {
    return bell.error();
  }
  std::unique_ptr<broker_client> started{
      new broker_client{options, std::move(brokers), *std::move(bell)}};
  if (const status running = started->start_thread(); !running) {
    return running.error();
  }
  return std::unique_ptr<broker_link>{std::move(started)};
}

broker_client::broker_client(const zmq_options& options,
                             broker_endpoints brokers,
                             std::unique_ptr<doorbell> bell)
    : options_(options)
    , brokers_(std::move(brokers))
    , merge_(limits_of(options),
             [this](wire_message&& message) { deliver(std::move(message)); })
    , bell_(std::move(bell)) {}

status broker_client::start_thread() {
  const signal_shield shield;
  try {
    sockets_.set(zmq::ctxopt::io_threads, options_.io_threads);
    sockets_.set(zmq::ctxopt::blocky, 0);
    thread_ = std::thread{[this] { run(); }};
    return ok();
  } catch (const std::system_error& failure) {
    return error{errc::io,
                 std::string{"start the link's thread: "} + failure.what()};
  }
}

broker_client::~broker_client() {
  if (thread_.joinable()) {
    close();
    thread_.join();
  }
}

void broker_client::report_to(std::shared_ptr<link_inbox> reports,
                              std::function<void()> wake) {
  outbox_.direct(std::move(reports), std::move(wake));
}

void broker_client::connect() {
  const lock_guard guard{mutex_};
  wishes_.connect = true;
  bell_->ring();
}

void broker_client::publish(link_batch batch) {
  assert(batch.messages != nullptr);
  const lock_guard guard{mutex_};
  if (batch.epoch == epoch_ && !wishes_.stop) {
    wishes_.batches.push_back(std::move(batch));
    bell_->ring();
  }
}

status broker_client::subscribe(subscription wanted) {
  assert(wanted.name != nullptr && wanted.inbox != nullptr && wanted.wake);
  {
    const lock_guard guard{delivery_mutex_};
    const subscription_id id = wanted.id;
    if (intakes_.contains(id)) {
      return error{errc::exists, "the subscription id is in use"};
    }
    names_.try_emplace(wanted.name->subject, wanted.name);
    names_changed_ = true;
    intakes_.emplace(
        id, std::make_unique<message_intake>(std::move(wanted), counters_));
  }
  bell_->ring();
  return ok();
}

void broker_client::unsubscribe(subscription_id id) {
  std::unique_ptr<message_intake> gone;
  {
    const lock_guard guard{delivery_mutex_};
    const auto found = intakes_.find(id);
    if (found == intakes_.end()) {
      return;
    }
    gone = std::move(found->second);
    intakes_.erase(found);
    const std::string& subject = gone->target().name->subject;
    const bool is_last =
        std::none_of(intakes_.begin(), intakes_.end(), [&](const auto& other) {
          return other.second->target().name->subject == subject;
        });
    if (is_last) {
      names_.erase(subject);
      names_changed_ = true;
    }
  }
  bell_->ring();
}

link_counts broker_client::counts() const {
  const lock_guard guard{mutex_};
  return totals_;
}

std::vector<path_status> broker_client::paths() const {
  const lock_guard guard{mutex_};
  return paths_;
}

void broker_client::use(broker_endpoints brokers) {
  const lock_guard guard{mutex_};
  wishes_.brokers = std::move(brokers);
  bell_->ring();
}

void broker_client::close() {
  assert(std::this_thread::get_id() != thread_.get_id());
  const lock_guard guard{mutex_};
  wishes_.stop = true;
  bell_->ring();
  while (!has_ended_) {
    ended_some_.wait(mutex_);
  }
}

// -- The thread

void broker_client::run() {
  for (bool stops = false; !stops;) {
    wait(clock_.now());
    const auto now = clock_.now();
    bell_->clear();
    take_wishes(now);
    if (is_wanted_) {
      open_paths();
    }
    update_paths(now);
    judge(now);
    follow_subscriptions();
    read_paths(now);
    publish_queued();
    publish_picture();
    outbox_.offer();
    const lock_guard guard{mutex_};
    stops = wishes_.stop;
  }
  end();
  const lock_guard guard{mutex_};
  has_ended_ = true;
  ended_some_.notify_all();
}

void broker_client::wait(time_point now) {
  std::vector<zmq::pollitem_t> items{
      {nullptr, bell_->descriptor(), ZMQ_POLLIN, 0}};
  const auto add = [&](zmq::socket_t& socket) {
    items.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
  };
  for (const auto& one : uplinks_) {
    add(one->socket());
    add(one->signals());
  }
  for (const auto& one : downlinks_) {
    add(one->socket());
    add(one->signals());
  }
  try {
    zmq::poll(items, patience(now));
  } catch (const zmq::error_t&) {
    // Interrupted: look at everything.
    return;
  }
}

std::chrono::milliseconds broker_client::patience(time_point now) const {
  if (has_more_) {
    return 0ms;
  }
  if (is_stalled_ || outbox_.has_some()) {
    return retry_interval;
  }
  auto until = now + idle_wait;
  for (const auto& other : {merge_.next_deadline(), attempt_ends_}) {
    until = other ? std::min(until, *other) : until;
  }
  return std::max(0ms,
                  std::chrono::ceil<std::chrono::milliseconds>(until - now));
}

void broker_client::take_wishes(time_point now) {
  wishes taken;
  {
    const lock_guard guard{mutex_};
    std::swap(taken.batches, wishes_.batches);
    std::swap(taken.brokers, wishes_.brokers);
    taken.connect = std::exchange(wishes_.connect, false);
  }
  if (taken.brokers) {
    brokers_ = *std::move(taken.brokers);
  }
  if (taken.connect) {
    is_wanted_ = true;
    if (!is_connected_) {
      attempt_ends_ = now + options_.connect_timeout;
    }
  }
  for (link_batch& batch : taken.batches) {
    batches_.push_back(std::move(batch));
  }
}

// -- The brokers

void broker_client::open_paths() {
  open_failure_ = adjust(uplinks_, brokers_.xsub, [&](const std::string& to) {
    return broker_uplink::open(sockets_, options_, to, next_number_++);
  });
  const std::string failure =
      adjust(downlinks_, brokers_.xpub, [&](const std::string& from) {
        auto opened =
            broker_downlink::open(sockets_, options_, from, next_number_++);
        if (opened) {
          for (const std::string& subject : subscribed_) {
            (*opened)->subscribe(subject);
          }
        }
        return opened;
      });
  open_failure_ = open_failure_.empty() ? failure : open_failure_;
}

void broker_client::follow_subscriptions() {
  std::set<std::string> wanted;
  {
    const lock_guard guard{delivery_mutex_};
    if (!std::exchange(names_changed_, false)) {
      return;
    }
    for (const auto& [subject, name] : names_) {
      wanted.insert(subject);
    }
  }
  for (const auto& one : downlinks_) {
    for (const std::string& subject : wanted) {
      if (!subscribed_.contains(subject)) {
        one->subscribe(subject);
      }
    }
    for (const std::string& subject : subscribed_) {
      if (!wanted.contains(subject)) {
        one->unsubscribe(subject);
      }
    }
  }
  subscribed_ = std::move(wanted);
}

void broker_client::update_paths(time_point now) {
  for (const auto& one : uplinks_) {
    one->update();
  }
  for (const auto& one : downlinks_) {
    const bool was_up = one->is_up();
    one->update();
    if (one->is_up() && !was_up) {
      merge_.path_up(one->number());
    } else if (!one->is_up() && was_up) {
      // What it brought before it was lost is in its socket.
      read_paths(now);
      merge_.path_down(one->number(), now);
    }
  }
}

/// Whether the link as a whole has come or gone.
void broker_client::judge(time_point now) {
  std::vector<std::string> up;
  for (const auto& one : uplinks_) {
    if (one->is_up()) {
      up.push_back(one->status().endpoint);
    }
  }
  const bool is_up =
      !up.empty() && std::any_of(downlinks_.begin(), downlinks_.end(),
                                 [](const auto& one) { return one->is_up(); });
  if (is_up && !is_connected_) {
    is_connected_ = true;
    attempt_ends_.reset();
    {
      const lock_guard guard{mutex_};
      ++epoch_;
      ++totals_.connects;
    }
    report(link_state::connected, joined(up), {});
  } else if (!is_up && is_connected_) {
    is_connected_ = false;
    batches_.clear();
    batch_at_ = 0;
    is_stalled_ = false;
    {
      const lock_guard guard{mutex_};
      ++totals_.losses;
    }
    report(link_state::reconnecting, {}, why_not());
  } else if (attempt_ends_ && *attempt_ends_ <= now) {
    attempt_ends_.reset();
    bool was_there = false;
    {
      const lock_guard guard{mutex_};
      ++totals_.failures;
      was_there = epoch_ > 0;
    }
    report(was_there ? link_state::reconnecting : link_state::connecting, {},
           why_not());
  }
}

std::string broker_client::why_not() const {
  if (!open_failure_.empty()) {
    return open_failure_;
  }
  std::string reasons;
  const auto add = [&](const path_status& path) {
    if (!path.is_up) {
      reasons += (reasons.empty() ? "" : "; ") + path.endpoint + ": " +
                 (path.reason.empty() ? "no answer yet" : path.reason);
    }
  };
  for (const auto& one : uplinks_) {
    add(one->status());
  }
  for (const auto& one : downlinks_) {
    add(one->status());
  }
  return reasons.empty() ? "no broker is registered in discovery" : reasons;
}

void broker_client::report(link_state state, std::string server,
                           std::string reason) {
  link_change change;
  change.state = state;
  change.reason = std::move(reason);
  {
    const lock_guard guard{mutex_};
    change.epoch = epoch_;
  }
  change.server = server.empty() ? joined(brokers_.xsub) : std::move(server);
  outbox_.report(std::move(change));
}

// -- What comes

void broker_client::read_paths(time_point now) {
  has_more_ = false;
  for (const auto& one : downlinks_) {
    const bool is_drained = one->read(
        [&](broker_downlink::part_views parts) { take(*one, parts, now); });
    has_more_ = has_more_ || !is_drained;
  }
  merge_.expire(now);
}

void broker_client::take(const broker_downlink& from,
                         broker_downlink::part_views parts, time_point now) {
  std::shared_ptr<const stream_name> name;
  {
    const lock_guard guard{delivery_mutex_};
    if (const auto found = names_.find(text_of(parts.front()));
        found != names_.end()) {
      name = found->second;
    }
  }
  if (name == nullptr) {
    ++counters_.bad_topic;
    return;
  }
  const auto checked =
      check_zmq_message(parts, zmq_topic_of(*name, zmq_topic_form::subject));
  if (const auto* flaw = std::get_if<zmq_message_flaw>(&checked)) {
    counters_.count(*flaw);
    return;
  }
  const auto& message = std::get<zmq_message>(checked);
  merge_.take(
      from.number(), message.publisher_id, message.sequence,
      [&] {
        return wire_message{
            name, message.publisher_id, message.sequence,
            byte_buffer(message.envelope.begin(), message.envelope.end())};
      },
      now);
}

void broker_client::deliver(wire_message&& message) {
  const lock_guard guard{delivery_mutex_};
  message_intake* last = nullptr;
  for (const auto& [id, intake] : intakes_) {
    if (intake->target().name->subject != message.name->subject) {
      continue;
    }
    if (last != nullptr) {
      last->deliver(message);
    }
    last = intake.get();
  }
  if (last != nullptr) {
    last->deliver(std::move(message));
  }
}

// -- What goes

void broker_client::publish_queued() {
  std::uint64_t epoch = 0;
  {
    const lock_guard guard{mutex_};
    epoch = epoch_;
  }
  is_stalled_ = false;
  while (is_connected_ && !batches_.empty()) {
    link_batch& batch = batches_.front();
    if (batch.epoch == epoch) {
      if (!publish_one(batch)) {
        is_stalled_ = true;
        return;
      }
      outbox_.report(outcome_);
    }
    batches_.pop_front();
    batch_at_ = 0;
  }
}

/// False: no broker has room; it goes on where it was.
bool broker_client::publish_one(link_batch& batch) {
  const auto& messages = *batch.messages;
  if (batch_at_ == 0) {
    outcome_ = {batch.publisher_id, batch.number, batch.epoch, 0, 0, false};
    const bool is_heard =
        messages.empty() ||
        std::any_of(uplinks_.begin(), uplinks_.end(), [&](const auto& one) {
          return one->covers(messages.front().name->subject);
        });
    outcome_.unheard = !is_heard;
    if (!is_heard) {
      return true;
    }
  }
  link_counts more;
  bool has_room = true;
  for (; batch_at_ < messages.size() && has_room; ++batch_at_) {
    const wire_message& message = messages[batch_at_];
    switch (offer(message)) {
    case sent::yes:
      ++outcome_.sent;
      ++more.confirmed;
      more.bytes += message.envelope.size();
      break;
    case sent::never:
      ++outcome_.refused;
      ++more.too_large;
      break;
    case sent::no_room:
      has_room = false;
      --batch_at_;
      break;
    }
  }
  const lock_guard guard{mutex_};
  totals_.confirmed += more.confirmed;
  totals_.bytes += more.bytes;
  totals_.too_large += more.too_large;
  return has_room;
}

/// To every broker that has subscribers for it.
broker_client::sent broker_client::offer(const wire_message& message) {
  const auto head = zmq_message_head_of(message);
  if (!head) {
    return sent::never;
  }
  const auto topic = zmq_topic_of(*message.name, zmq_topic_form::subject);
  zmq::message_t frame{frame_size_bytes(message)};
  store_frame(*head, message, {frame.data<std::uint8_t>(), frame.size()});
  std::vector<broker_uplink*> full;
  bool is_taken = false;
  bool is_wanted = false;
  for (const auto& one : uplinks_) {
    if (!one->covers(topic)) {
      continue;
    }
    is_wanted = true;
    if (one->send(message, topic, frame) == broker_uplink::outcome::sent) {
      is_taken = true;
    } else {
      full.push_back(one.get());
    }
  }
  if (!is_taken && is_wanted) {
    return sent::no_room;
  }
  for (broker_uplink* one : full) {
    one->count_refusal();
  }
  // Whoever listened to the first of the batch may have gone since.
  return sent::yes;
}

void broker_client::publish_picture() {
  std::vector<path_status> picture;
  for (const auto& one : uplinks_) {
    picture.push_back(one->status());
  }
  for (const auto& one : downlinks_) {
    picture.push_back(one->status());
  }
  const path_merge_counts& merged = merge_.counts();
  const lock_guard guard{mutex_};
  paths_ = std::move(picture);
  totals_.duplicates = merged.duplicates;
  totals_.late = merged.late;
  totals_.recovered = merged.recovered;
  totals_.missing = merged.missing;
}

// -- The end

void broker_client::end() {
  take_wishes(clock_.now());
  publish_queued();
  publish_picture();
  // A socket that closes sends what it has for at most its linger.
  uplinks_.clear();
  downlinks_.clear();
  {
    const lock_guard guard{delivery_mutex_};
    intakes_.clear();
    names_.clear();
  }
  report(link_state::closed, {}, {});
}

} // namespace dynamo
