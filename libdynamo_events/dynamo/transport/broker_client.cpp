#include "dynamo/transport/broker_client.hpp"

#include "dynamo/base/thread_name.hpp"
#include "dynamo/transport/signal_shield.hpp"
#include "dynamo/transport/zmq_error.hpp"
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

} // namespace

// -- Members for everybody

result<std::unique_ptr<broker_link>>
broker_client::start(const zmq_options& options, broker_endpoints brokers) {
  auto bell = doorbell::make();
  if (!bell) {
    return bell.error();
  }
  try {
    std::unique_ptr<broker_client> started{
        new broker_client{options, std::move(brokers), *std::move(bell)}};
    if (const status running = started->start_thread(); !running) {
      return running.error();
    }
    return std::unique_ptr<broker_link>{std::move(started)};
  } catch (const zmq::error_t& failure) {
    return zmq_failure(failure.num(), "zmq.io_threads");
  }
}

broker_client::broker_client(const zmq_options& options,
                             broker_endpoints brokers,
                             std::unique_ptr<doorbell> bell)
    : options_(options)
    , paths_(options_)
    , brokers_(std::move(brokers))
    , merge_(
          limits_of(options),
          [this](wire_message&& message) { intakes_.take(std::move(message)); })
    , bell_(std::move(bell)) {}

status broker_client::start_thread() {
  const signal_shield shield;
  try {
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
  if (const status added = intakes_.add(std::move(wanted)); !added) {
    return added;
  }
  bell_->ring();
  return ok();
}

void broker_client::unsubscribe(subscription_id id) {
  intakes_.remove(id);
  bell_->ring();
}

link_counts broker_client::counts() const {
  const lock_guard guard{mutex_};
  return totals_;
}

std::vector<path_status> broker_client::paths() const {
  const lock_guard guard{mutex_};
  return picture_;
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
  name_this_thread("zmq-brokers");
  for (bool stops = false; !stops;) {
    paths_.wait(bell_->descriptor(), patience(clock_.now()));
    const auto now = clock_.now();
    bell_->clear();
    take_wishes(now);
    if (is_wanted_) {
      paths_.open(brokers_);
    }
    update_paths(now);
    judge(now);
    if (auto subjects = intakes_.changed_subjects()) {
      paths_.follow(*std::move(subjects));
    }
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

void broker_client::update_paths(time_point now) {
  paths_.update(
      [&](const broker_downlink& one) { merge_.path_up(one.number()); },
      [&](const broker_downlink& one) { merge_.path_down(one.number(), now); },
      [&](const broker_downlink& from, broker_downlink::part_views parts) {
        take(from, parts, now);
      });
  intakes_.flush();
}

/// Whether the link as a whole has come or gone.
void broker_client::judge(time_point now) {
  const bool is_up = paths_.is_up();
  if (is_up && !is_connected_) {
    is_connected_ = true;
    attempt_ends_.reset();
    {
      const lock_guard guard{mutex_};
      ++epoch_;
      ++totals_.connects;
    }
    report(link_state::connected, paths_.up(), {});
  } else if (!is_up && is_connected_) {
    is_connected_ = false;
    batches_.clear();
    batch_at_ = 0;
    is_stalled_ = false;
    {
      const lock_guard guard{mutex_};
      ++totals_.losses;
    }
    report(link_state::reconnecting, {}, paths_.why_not());
  } else if (attempt_ends_ && *attempt_ends_ <= now) {
    attempt_ends_.reset();
    bool was_there = false;
    {
      const lock_guard guard{mutex_};
      ++totals_.failures;
      was_there = epoch_ > 0;
    }
    report(was_there ? link_state::reconnecting : link_state::connecting, {},
           paths_.why_not());
  }
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
  has_more_ = !paths_.read(
      [&](const broker_downlink& from, broker_downlink::part_views parts) {
        take(from, parts, now);
      });
  merge_.expire(now);
  intakes_.flush();
}

void broker_client::take(const broker_downlink& from,
                         broker_downlink::part_views parts, time_point now) {
  const auto name = intakes_.name_of(text_of(parts.front()));
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
      const auto taker = batch.taker.lock();
      if (taker == nullptr || !taker->take(outcome_)) {
        outbox_.report(outcome_);
      }
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
        messages.empty() || paths_.covers(messages.front().name->subject);
    outcome_.unheard = !is_heard;
    if (!is_heard) {
      return true;
    }
  }
  link_counts more;
  auto outcome = broker_paths::outcome::sent;
  while (batch_at_ < messages.size()) {
    const wire_message& message = messages[batch_at_];
    outcome = paths_.send(message);
    if (outcome == broker_paths::outcome::no_room) {
      break;
    }
    ++batch_at_;
    if (outcome == broker_paths::outcome::too_large) {
      ++outcome_.refused;
      ++more.too_large;
    } else {
      ++outcome_.sent;
      ++more.confirmed;
      more.bytes += message.envelope.size();
    }
  }
  const lock_guard guard{mutex_};
  totals_.confirmed += more.confirmed;
  totals_.bytes += more.bytes;
  totals_.too_large += more.too_large;
  return outcome != broker_paths::outcome::no_room;
}

void broker_client::publish_picture() {
  std::vector<path_status> picture = paths_.status();
  const path_merge_counts& merged = merge_.counts();
  const lock_guard guard{mutex_};
  picture_ = std::move(picture);
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
  paths_.close();
  intakes_.clear();
  report(link_state::closed, {}, {});
}

} // namespace dynamo
