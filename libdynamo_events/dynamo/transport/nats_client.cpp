#include "dynamo/transport/nats_client.hpp"

#include "dynamo/base/thread_name.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <poll.h>
#include <random>
#include <system_error>
#include <utility>

namespace dynamo {

namespace {

/// Reports that a full inbox did not take are offered again so often: it
/// cannot tell when it has room.
constexpr std::chrono::milliseconds offer_interval{10};

/// How often a wait for the first answer looks whether the process is ending.
constexpr std::chrono::milliseconds settle_slice{250};

/// While something of the connection is awaited that nothing rings for.
constexpr std::chrono::milliseconds look_interval{5};

std::string joined_urls(const std::vector<nats_server>& servers) {
  std::string text;
  for (const nats_server& server : servers) {
    text += (text.empty() ? "" : ", ") + server.url();
  }
  return text;
}

server_order order_of(const nats_options& options) {
  return options.randomize ? server_order::random : server_order::as_given;
}

} // namespace

// -- Members for everybody

result<std::unique_ptr<shared_link>>
nats_client::start(std::shared_ptr<const nats_settings> settings) {
  auto bell = doorbell::make();
  if (!bell) {
    return bell.error();
  }
  std::unique_ptr<nats_client> started{
      new nats_client{std::move(settings), *std::move(bell)}};
  if (const status running = started->start_thread(); !running) {
    return running.error();
  }
  return std::unique_ptr<shared_link>{std::move(started)};
}

nats_client::nats_client(std::shared_ptr<const nats_settings> settings,
                         std::unique_ptr<doorbell> bell)
    : settings_(std::move(settings))
    , requests_(std::move(bell))
    , dialer_(settings_, [this] { requests_.ring(); })
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

void nats_client::publish(link_batch batch) {
  assert(batch.messages != nullptr);
  requests_.publish(std::move(batch));
}

status nats_client::subscribe(subscription wanted) {
  assert(wanted.name != nullptr && wanted.inbox != nullptr && wanted.wake);
  if (requests_.is_stopping()) {
    return error{errc::closed, "the link is closed"};
  }
  if (const status added = feeds_.add(std::move(wanted)); !added) {
    return added;
  }
  requests_.on_subscriptions_changed();
  return ok();
}

void nats_client::unsubscribe(subscription_id id) {
  feeds_.remove(id);
  requests_.on_subscriptions_changed();
}

void nats_client::close() {
  assert(std::this_thread::get_id() != thread_.get_id());
  requests_.stop();
}

// -- The thread

void nats_client::run() {
  name_this_thread("nats");
  while (!requests_.is_stopping()) {
    if (requests_.is_attempt_wanted()) {
      attempt();
    } else {
      await(due());
      serve();
    }
  }
  end();
  nats_ReleaseThreadMemory();
  requests_.on_end();
}

void nats_client::await(clock::time_point until) {
  is_readable_ = line_ == nullptr ? requests_.await(until, -1, false)
                                  : requests_.await(until, line_->descriptor(),
                                                    line_->has_to_write());
}

clock::time_point nats_client::due() const {
  const clock::time_point now = clock_.now();
  const auto next =
      line_ == nullptr ? clock::time_point::max() : line_->due(now);
  return outbox_.has_some() ? std::min(next, now + offer_interval) : next;
}

// -- Connecting

void nats_client::attempt() {
  const std::vector<nats_server> servers = pool_.next_pass();
  setbacks so_far;
  for (const nats_server& server : servers) {
    if (requests_.is_stopping()) {
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
    line_ = std::make_shared<nats_line>(settings_->options(), server,
                                        std::move(dialed));
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
  if (const status begun = line_->begin_settling(clock_.now()); !begun) {
    return begun;
  }
  const clock::time_point began = clock_.now();
  for (;;) {
    const auto settled = line_->is_settled();
    if (!settled) {
      return settled.error();
    }
    if (*settled) {
      return ok();
    }
    if (requests_.is_stopping() &&
        clock_.now() - began >= settings_->options().drain_timeout) {
      return error{errc::closed, "the link is being closed"};
    }
    await(clock_.now() + settle_slice);
    line_->turn(is_readable_);
  }
}

void nats_client::announce_connected() {
  pool_.note_connected();
  pool_.learn(line_->server(), line_->discovered());
  requests_.on_connected(settings_->is_encrypted(line_->server()) ? nullptr
                                                                  : line_);
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
  requests_.on_failed();
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
  outbox_.offer();
  if (line_ == nullptr) {
    feeds_.close_removed();
    return;
  }
  if (const status carried = carry(); !carried) {
    lose(carried.error().message);
  } else if (line_->is_closed()) {
    lose({});
  } else if (line_->is_lame_duck()) {
    leave_lame_duck();
  }
}

/// One turn of all that the connection carries.
status nats_client::carry() {
  const status placed = place(requests_.take_batches());
  requests_.placed();
  if (!placed) {
    return placed;
  }
  line_->turn(std::exchange(is_readable_, false));
  feeds_.take_all();
  report_answers();
  const status alive = line_->keep_alive(clock_.now());
  // What those have placed who heard the answers.
  line_->write();
  return alive;
}

/// Turns until a condition holds. An error when the line broke before, or when
/// it took too long.
status nats_client::carry_until(const std::function<bool()>& is_done,
                                std::chrono::milliseconds longest) {
  const clock::time_point deadline = clock_.now() + longest;
  for (;;) {
    if (const status carried = carry(); !carried) {
      return carried;
    }
    if (is_done()) {
      return ok();
    }
    const clock::time_point now = clock_.now();
    if (line_->is_closed() || now >= deadline) {
      return error{errc::unavailable, ""};
    }
    await(std::min(deadline, now + look_interval));
  }
}

status nats_client::place(const std::vector<link_batch>& batches) {
  if (const status updated = feeds_.update(line_->connection()); !updated) {
    return updated;
  }
  for (const link_batch& batch : batches) {
    if (const auto placed = line_->place(batch, clock_.now()); !placed) {
      return placed.error();
    }
  }
  return ok();
}

void nats_client::report_answers() {
  for (const nats_receipt& receipt : line_->take_answered()) {
    requests_.count_sent(receipt.outcome.sent, receipt.bytes);
    if (receipt.outcome.refused > 0) {
      requests_.count_refused(receipt.too_large, receipt.forbidden);
    }
    const auto taker = receipt.taker.lock();
    if (taker == nullptr || !taker->take(receipt.outcome)) {
      outbox_.report(receipt.outcome);
    }
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
  drain();
  const std::string server = line_->server().url();
  hang_up();
  link_change change = change_to(link_state::reconnecting);
  change.server = server;
  change.reason = "the server is in lame-duck mode";
  change.lame_duck = true;
  outbox_.report(std::move(change));
}

/// Ends the interest in everything, and delivers what comes until the server
/// knows of it.
void nats_client::drain() {
  const auto longest = settings_->options().drain_timeout;
  if (longest.count() > 0) {
    feeds_.drain_all(longest);
    // Whatever keeps it from that, the connection is left now.
    static_cast<void>(
        carry_until([this] { return feeds_.is_drained(); }, longest));
  }
}

std::string nats_client::hang_up() {
  requests_.on_disconnected();
  pool_.note_left(line_->server());
  pool_.learn(line_->server(), line_->discovered());
  std::string reason = line_->close();
  feeds_.close_all();
  line_.reset();
  return reason;
}

// -- The end

void nats_client::end() {
  if (line_ != nullptr) {
    const status answered =
        carry_until([this] { return !line_->has_unanswered(); },
                    settings_->options().drain_timeout);
    if (!answered) {
      lose(answered.error().message);
    }
  }
  if (line_ != nullptr) {
    requests_.refuse_batches();
    link_change change = change_to(link_state::draining);
    change.server = line_->server().url();
    outbox_.report(std::move(change));
    drain();
    hang_up();
  }
  feeds_.forget_all();
  outbox_.report(change_to(link_state::closed));
}

link_change nats_client::change_to(link_state state) const {
  link_change change;
  change.state = state;
  change.epoch = requests_.epoch();
  return change;
}

} // namespace dynamo
