#include "dynamo/transport/nats_client.hpp"

#include "dynamo/base/thread_name.hpp"

#include <algorithm>
#include <cassert>
#include <random>
#include <system_error>
#include <utility>

namespace dynamo {

namespace {

/// Reports that a full inbox did not take are offered again so often: it
/// cannot tell when it has room.
constexpr std::chrono::milliseconds offer_interval{10};

std::string joined_urls(const std::vector<nats_server>& servers) {
  std::string text;
  for (const nats_server& server : servers) {
    text += (text.empty() ? "" : ", ") + server.url();
  }
  return text;
}

nats_feed_limits limits_of(const nats_options& options) {
  return {static_cast<int>(options.pending_messages_max),
          static_cast<int>(options.pending_bytes_max)};
}

server_order order_of(const nats_options& options) {
  return options.randomize ? server_order::random : server_order::as_given;
}

} // namespace

// -- Members for everybody

result<std::unique_ptr<shared_link>>
nats_client::start(std::shared_ptr<const nats_settings> settings) {
  std::unique_ptr<nats_client> started{new nats_client{std::move(settings)}};
  if (const status running = started->start_thread(); !running) {
    return running.error();
  }
  return std::unique_ptr<shared_link>{std::move(started)};
}

nats_client::nats_client(std::shared_ptr<const nats_settings> settings)
    : settings_(std::move(settings))
    , feeds_(limits_of(settings_->options()))
    , dialer_(settings_, [this] { ring(); })
    , pool_(settings_->servers(), order_of(settings_->options()),
            std::random_device{}()) {}

status nats_client::start_thread() {
  try {
    thread_ = std::thread{[this] { run(); }};
    return ok();
  } catch (const std::system_error& failure) {
    return error{errc::io,
                 std::string{"start the link's thread: "} + failure.what()};
  }
}

nats_client::~nats_client() {
  if (thread_.joinable()) {
    close();
    thread_.join();
  }
}

void nats_client::report_to(std::shared_ptr<link_inbox> reports,
                            std::function<void()> wake) {
  outbox_.direct(std::move(reports), std::move(wake));
}

void nats_client::connect() {
  const lock_guard guard{mutex_};
  if (!is_connected_) {
    is_attempting_ = true;
    changed_.notify_all();
  }
}

void nats_client::publish(link_batch batch) {
  assert(batch.messages != nullptr);
  const lock_guard guard{mutex_};
  if (is_connected_ && batch.epoch == epoch_) {
    queue_.push_back(std::move(batch));
    changed_.notify_all();
  }
}

status nats_client::subscribe(subscription wanted) {
  assert(wanted.name != nullptr && wanted.inbox != nullptr && wanted.wake);
  if (stopping_) {
    return error{errc::closed, "the link is closed"};
  }
  if (const status added = feeds_.add(std::move(wanted)); !added) {
    return added;
  }
  ring();
  return ok();
}

void nats_client::unsubscribe(subscription_id id) {
  feeds_.remove(id);
  ring();
}

link_counts nats_client::counts() const {
  const lock_guard guard{mutex_};
  return counts_;
}

void nats_client::close() {
  assert(std::this_thread::get_id() != thread_.get_id());
  const lock_guard guard{mutex_};
  stopping_ = true;
  changed_.notify_all();
  while (!has_ended_) {
    changed_.wait(mutex_);
  }
}

void nats_client::ring() {
  const lock_guard guard{mutex_};
  is_rung_ = true;
  changed_.notify_all();
}

// -- The thread

void nats_client::run() {
  name_this_thread("nats-send");
  for (;;) {
    switch (await_turn()) {
    case turn::attempt:
      attempt();
      break;
    case turn::serve:
      serve();
      break;
    case turn::offer:
      outbox_.offer();
      break;
    case turn::end:
      end();
      nats_ReleaseThreadMemory();
      const lock_guard guard{mutex_};
      has_ended_ = true;
      changed_.notify_all();
      return;
    }
  }
}

nats_client::turn nats_client::await_turn() {
  const clock::time_point offer_at = clock_.now() + offer_interval;
  const lock_guard guard{mutex_};
  for (;;) {
    if (stopping_) {
      return turn::end;
    }
    if (is_attempting_) {
      return turn::attempt;
    }
    if (is_rung_ || !queue_.empty()) {
      return turn::serve;
    }
    if (!outbox_.has_some()) {
      changed_.wait(mutex_);
    } else if (changed_.wait_until(mutex_, offer_at) ==
               std::cv_status::timeout) {
      return turn::offer;
    }
  }
}

// -- Connecting

void nats_client::attempt() {
  const std::vector<nats_server> servers = pool_.next_pass();
  setbacks so_far;
  for (const nats_server& server : servers) {
    if (stopping_) {
      return;
    }
    if (try_server(server, so_far)) {
      announce_connected();
      return;
    }
  }
  announce_failed(servers, std::move(so_far));
}

bool nats_client::try_server(const nats_server& server, setbacks& so_far) {
  nats_dialed dialed = dialer_.dial(server);
  so_far.is_refusal = so_far.is_refusal || dialed.is_refusal;
  so_far.is_reached = so_far.is_reached || dialed.is_reached;
  std::string reason = std::move(dialed.reason);
  if (dialed.connection != nullptr) {
    line_ = std::make_unique<nats_line>(settings_->options(), server,
                                        std::move(dialed), stopping_);
    const status settled = settle_line();
    if (settled) {
      return true;
    }
    const std::string closed = hang_up();
    reason = settled.error().message.empty() ? closed : settled.error().message;
  }
  so_far.reasons.push_back(std::move(reason));
  return false;
}

status nats_client::settle_line() {
  if (const status opened = feeds_.open_all(line_->connection()); !opened) {
    return opened;
  }
  return line_->settle();
}

void nats_client::announce_connected() {
  pool_.note_connected();
  pool_.learn(line_->server(), line_->discovered());
  {
    const lock_guard guard{mutex_};
    is_attempting_ = false;
    is_connected_ = true;
    ++epoch_;
    ++counts_.connects;
  }
  link_change change = change_to(link_state::connected);
  change.server = line_->server().url();
  change.reason = line_->refusals();
  if (!line_->is_proving()) {
    change.reason += (change.reason.empty() ? "" : "; ") +
                     std::string{"the server does not tell whether anybody is "
                                 "subscribed"};
  }
  change.envelope_bytes_max = line_->envelope_bytes_max();
  outbox_.report(std::move(change));
}

void nats_client::announce_failed(const std::vector<nats_server>& tried,
                                  setbacks all) {
  {
    const lock_guard guard{mutex_};
    is_attempting_ = false;
    ++counts_.failures;
  }
  link_change change = change_to(link_state::connecting);
  if (all.is_refusal) {
    change.state = link_state::authentication_failed;
  } else if (change.epoch > 0) {
    change.state = link_state::reconnecting;
  }
  change.server = joined_urls(tried);
  change.is_reached = all.is_reached;
  for (std::size_t i = 0; i < all.reasons.size(); ++i) {
    change.reason += i == 0 ? "" : "; ";
    // Of one server alone `server` speaks.
    change.reason += tried.size() > 1 ? tried[i].url() + ": " : "";
    change.reason += all.reasons[i];
  }
  outbox_.report(std::move(change));
}

// -- Connected

void nats_client::serve() {
  {
    const lock_guard guard{mutex_};
    is_rung_ = false;
  }
  if (line_ == nullptr) {
    feeds_.close_removed();
    return;
  }
  if (const status updated = feeds_.update(line_->connection()); !updated) {
    lose(updated.error().message);
    return;
  }
  if (!publish_queued()) {
    return;
  }
  if (line_->is_closed()) {
    lose({});
  } else if (line_->is_lame_duck()) {
    leave_lame_duck();
  }
}

bool nats_client::publish_queued() {
  std::vector<link_batch> batches;
  {
    const lock_guard guard{mutex_};
    batches.swap(queue_);
  }
  if (batches.empty()) {
    return true;
  }
  const auto receipts = line_->publish(batches);
  if (!receipts) {
    lose(receipts.error().message);
    return false;
  }
  count(*receipts);
  for (const nats_receipt& receipt : *receipts) {
    outbox_.report(receipt.outcome);
  }
  return true;
}

void nats_client::count(std::span<const nats_receipt> receipts) {
  const lock_guard guard{mutex_};
  for (const nats_receipt& receipt : receipts) {
    counts_.confirmed += receipt.outcome.sent;
    counts_.bytes += receipt.bytes;
    counts_.too_large += receipt.too_large;
    counts_.forbidden += receipt.forbidden;
  }
}

void nats_client::lose(std::string reason) {
  const std::string server = line_->server().url();
  const std::string closed = hang_up();
  link_change change = change_to(link_state::reconnecting);
  change.server = server;
  change.reason = reason.empty() ? closed : std::move(reason);
  outbox_.report(std::move(change));
}

void nats_client::leave_lame_duck() {
  feeds_.drain_all(settings_->options().drain_timeout);
  const std::string server = line_->server().url();
  hang_up();
  link_change change = change_to(link_state::reconnecting);
  change.server = server;
  change.reason = "the server is in lame-duck mode";
  change.lame_duck = true;
  outbox_.report(std::move(change));
}

std::string nats_client::hang_up() {
  {
    const lock_guard guard{mutex_};
    if (is_connected_) {
      ++counts_.losses;
    }
    is_connected_ = false;
    queue_.clear();
  }
  pool_.note_left(line_->server());
  pool_.learn(line_->server(), line_->discovered());
  // For what cnats has dropped, which it does not tell any more afterwards.
  feeds_.counts();
  std::string reason = line_->close();
  feeds_.close_all();
  line_.reset();
  return reason;
}

// -- The end

void nats_client::end() {
  if (line_ != nullptr && publish_queued()) {
    {
      const lock_guard guard{mutex_};
      is_connected_ = false;
    }
    link_change change = change_to(link_state::draining);
    change.server = line_->server().url();
    outbox_.report(std::move(change));
    feeds_.drain_all(settings_->options().drain_timeout);
    hang_up();
  }
  feeds_.forget_all();
  outbox_.report(change_to(link_state::closed));
}

link_change nats_client::change_to(link_state state) const {
  link_change change;
  change.state = state;
  const lock_guard guard{mutex_};
  change.epoch = epoch_;
  return change;
}

} // namespace dynamo
