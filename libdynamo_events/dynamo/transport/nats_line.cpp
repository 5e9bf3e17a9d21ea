#include "dynamo/transport/nats_line.hpp"

#include "dynamo/transport/nats_error.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

// How a batch is proved to have arrived. Its first message asks for a reply at
// our own inbox; behind it, or behind several of one publisher that are not
// urgent, goes a mark to the same inbox. When nobody is subscribed, the server
// answers "no responders" before it brings back the mark. So the inbox holds
// the marks in their order, and before each the answers, if any, to what it
// follows. cnats drops the subject of a "no responders": it counts for all
// batches of a mark.
//
// A server that forbids us the inbox is asked for a PONG instead.

namespace dynamo {

namespace {

constexpr std::size_t forbidden_max = 1024;

std::int64_t in_ms(clock::time_point::duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

/// For so long after something was placed, the link's thread looks by itself
/// what is to be asked for, and need not be woken.
constexpr std::chrono::milliseconds attention{10};

/// The reason is that for which the connection closed.
error as_closed() {
  return {errc::unavailable, ""};
}

} // namespace

nats_line::nats_line(const nats_options& options, nats_server server,
                     nats_dialed dialed)
    : options_(options)
    , server_(std::move(server))
    , signals_(std::move(dialed.signals))
    , socket_(std::move(dialed.socket))
    , connection_(std::move(dialed.connection))
    , flush_(signals_) {}

nats_line::~nats_line() {
  close();
}

std::string nats_line::close() {
  if (std::exchange(is_over_, true)) {
    return {};
  }
  natsConnection_Close(connection_.get());
  std::string reason = signals_->await_end(*connection_);
  flush_.wait();
  inbox_.close();
  return reason;
}

std::size_t nats_line::envelope_bytes_max() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(
      0, natsConnection_GetMaxPayload(connection_.get())));
}

std::vector<std::string> nats_line::discovered() const {
  char** urls = nullptr;
  int count = 0;
  std::vector<std::string> found;
  if (!options_.discover_servers ||
      natsConnection_GetDiscoveredServers(connection_.get(), &urls, &count) !=
          NATS_OK) {
    return found;
  }
  for (int at = 0; at < count; ++at) {
    found.emplace_back(urls[at]);
    free(urls[at]);
  }
  free(urls);
  return found;
}

natsStatus nats_line::open_inbox() {
  natsInbox* name = nullptr;
  if (const natsStatus made = natsInbox_Create(&name); made != NATS_OK) {
    return made;
  }
  reply_ = std::string{name} + ".r";
  mark_ = std::string{name} + ".m";
  const std::string all = std::string{name} + ".*";
  natsInbox_Destroy(name);

  return inbox_.open(*connection_, all);
}

// -- Turns

void nats_line::turn(bool is_readable) {
  socket_->write(*connection_);
  if (is_readable) {
    socket_->read(*connection_);
    // Others may have left to us what they had to write meanwhile.
    socket_->write(*connection_);
  }
}

status nats_line::keep_alive(time_point now) {
  const lock_guard guard{asking_};
  if (now >= silent_at()) {
    if (!unanswered_.empty()) {
      return error{
          errc::unavailable,
          server_.url() + " answered nothing for " +
              std::to_string(in_ms(now - unanswered_.front().asked_at)) +
              " ms"};
    }
    add({now, nullptr, {}});
    return ask();
  }
  return unmarked_ > 0 && now >= placed_at_ + answer_delay ? ask() : ok();
}

nats_line::time_point nats_line::due(time_point now) const {
  const lock_guard guard{asking_};
  return is_in_use(now) ? now + answer_delay : silent_at();
}

/// Then the link's thread sleeps no longer than `answer_delay`.
bool nats_line::is_in_use(time_point now) const {
  return now < placed_at_ + attention;
}

/// When an idle server is to be asked, and when one that was counts as silent.
nats_line::time_point nats_line::silent_at() const {
  return unanswered_.empty()
             ? placed_at_ + options_.stale_after / 2
             : unanswered_.front().asked_at + options_.stale_after;
}

// -- Settling

status nats_line::begin_settling(time_point now) {
  {
    const lock_guard guard{asking_};
    placed_at_ = now;
  }
  if (const natsStatus made = open_inbox(); made != NATS_OK) {
    return nats_failure(made, "inbox");
  }
  if (const natsStatus sent =
          natsConnection_Publish(connection_.get(), mark_.c_str(), nullptr, 0);
      sent != NATS_OK) {
    return nats_failure(sent, "inbox");
  }
  return flush_.start(*connection_, options_.stale_after);
}

result<bool> nats_line::is_settled() {
  if (flush_.is_running()) {
    return false;
  }
  if (flush_.outcome() == NATS_TIMEOUT) {
    return error{errc::unavailable,
                 server_.url() + " answered nothing for " +
                     std::to_string(options_.stale_after.count()) + " ms"};
  }
  if (flush_.outcome() != NATS_OK) {
    return as_closed();
  }
  // A server that forbids the inbox is used without the proof.
  inbox_.take([this](natsStatus came, const natsMsg*) {
    is_proving_ = is_proving_ || came == NATS_OK;
  });
  return true;
}

// -- Publishing

result<bool> nats_line::place(const link_batch& batch, time_point now) {
  const nats_socket::writer here;
  const lock_guard guard{asking_};
  const bool was_in_use = is_in_use(now);
  if (unmarked_ > 0 &&
      unanswered_.back().receipt.outcome.publisher_id != batch.publisher_id) {
    if (const status marked = ask(); !marked) {
      return marked.error();
    }
  }
  question asked{now, batch.messages, {}};
  nats_receipt& receipt = asked.receipt;
  receipt.taker = batch.taker;
  link_outcome& outcome = receipt.outcome;
  outcome = {batch.publisher_id, batch.number, batch.epoch, 0, 0, false};
  for (const wire_message& message : *batch.messages) {
    const bool asks = is_proving_ && outcome.sent == 0;
    const natsStatus sent = send(message, asks ? reply_.c_str() : nullptr);
    if (sent == NATS_MAX_PAYLOAD) {
      ++outcome.refused;
      ++receipt.too_large;
      continue;
    }
    if (sent != NATS_OK) {
      return as_closed();
    }
    ++outcome.sent;
    receipt.bytes += message.envelope.size();
  }
  add(std::move(asked));
  if (!batch.is_urgent && is_proving_) {
    return !was_in_use;
  }
  const status marked = ask();
  return marked ? result<bool>{false} : result<bool>{marked.error()};
}

natsStatus nats_line::send(const wire_message& message, const char* reply) {
  constexpr auto int_max = std::numeric_limits<int>::max();
  if (message.envelope.size() > static_cast<std::size_t>(int_max)) {
    return NATS_MAX_PAYLOAD;
  }
  const char* subject = message.name->subject.c_str();
  const void* body = message.envelope.data();
  const int size = static_cast<int>(message.envelope.size());
  return reply == nullptr
             ? natsConnection_Publish(connection_.get(), subject, body, size)
             : natsConnection_PublishRequest(connection_.get(), subject, reply,
                                             body, size);
}

void nats_line::add(question what) {
  placed_at_ = what.asked_at;
  unanswered_.push_back(std::move(what));
  ++unmarked_;
}

/// For the outcome of all that was placed.
status nats_line::ask() {
  const std::size_t count = std::exchange(unmarked_, 0);
  if (!is_proving_) {
    begin_flush();
    return ok();
  }
  marked_.push_back(count);
  const natsStatus sent =
      natsConnection_Publish(connection_.get(), mark_.c_str(), nullptr, 0);
  return sent == NATS_OK ? ok() : status{as_closed()};
}

/// For all that is unanswered, unless another is being awaited.
void nats_line::begin_flush() {
  // When there is no thread for it, the server counts as silent in the end.
  if (flushed_ == 0 && !unanswered_.empty() &&
      flush_.start(*connection_, options_.stale_after)) {
    flushed_ = unanswered_.size();
  }
}

bool nats_line::has_unanswered() const {
  const lock_guard guard{asking_};
  return !unanswered_.empty();
}

std::vector<nats_receipt> nats_line::take_answered() {
  std::vector<nats_receipt> answered;
  const lock_guard guard{asking_};
  if (is_proving_) {
    read_answers(answered);
  } else {
    read_flush(answered);
  }
  return answered;
}

void nats_line::read_answers(std::vector<nats_receipt>& answered) {
  inbox_.take([this](natsStatus came, const natsMsg* message) {
    if (came == NATS_NO_RESPONDERS) {
      signs_.push_back(sign::unheard);
    } else if (came == NATS_OK && mark_ == natsMsg_GetSubject(message)) {
      signs_.push_back(sign::mark);
    }
    // Anything else is somebody who answers events.
  });
  for (const sign each : signs_) {
    if (each == sign::unheard) {
      is_unheard_ = true;
    } else {
      answer_marked(answered);
    }
  }
  signs_.clear();
}

void nats_line::answer_marked(std::vector<nats_receipt>& answered) {
  const bool is_unheard = std::exchange(is_unheard_, false);
  if (marked_.empty()) {
    return;
  }
  for (std::size_t left = marked_.front(); left > 0; --left) {
    link_outcome& outcome = unanswered_.front().receipt.outcome;
    outcome.unheard = is_unheard && outcome.sent > 0;
    answer(answered);
  }
  marked_.pop_front();
}

void nats_line::read_flush(std::vector<nats_receipt>& answered) {
  if (flushed_ == 0 || flush_.is_running()) {
    return;
  }
  const std::size_t flushed = std::exchange(flushed_, 0);
  if (flush_.outcome() == NATS_OK) {
    for (std::size_t each = 0; each < flushed; ++each) {
      answer(answered);
    }
  }
  begin_flush();
}

/// The oldest question has its answer.
void nats_line::answer(std::vector<nats_receipt>& answered) {
  question& asked = unanswered_.front();
  if (asked.messages != nullptr) {
    note_forbidden();
    strike_forbidden(asked);
    answered.push_back(std::move(asked.receipt));
  }
  unanswered_.pop_front();
}

void nats_line::note_forbidden() {
  constexpr std::string_view before = "Publish to \"";
  const nats_last_error last = last_error_of(*connection_);
  if (last.status != NATS_NOT_PERMITTED || forbidden_.size() >= forbidden_max) {
    return;
  }
  const std::string_view said = last.text;
  const std::size_t found = said.find(before);
  if (found != std::string_view::npos) {
    const std::string_view rest = said.substr(found + before.size());
    forbidden_.emplace(rest.substr(0, rest.find('"')));
  }
}

void nats_line::strike_forbidden(question& of) const {
  if (of.messages->empty() ||
      !forbidden_.contains(of.messages->front().name->subject)) {
    return;
  }
  nats_receipt& receipt = of.receipt;
  receipt.forbidden = receipt.outcome.sent;
  receipt.outcome.refused += receipt.outcome.sent;
  receipt.outcome.sent = 0;
  receipt.bytes = 0;
}

} // namespace dynamo
