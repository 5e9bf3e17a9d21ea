// Publish path, steps 2 to 4 and 6 where a server is between: what waits in the
// buffer becomes messages, which the link takes in batches, few at a time.

#include "actors/link_outlet.hpp"

#include <utility>

namespace dynamo::actors {

namespace {

/// Events that the link's thread sends with an answer, at most.
constexpr std::size_t messages_at_answer = 64;

} // namespace

void link_outlet::open(fittings with) {
  const lock_guard guard{mutex_};
  with_.emplace(std::move(with));
  not_encoded_ = 0;
  is_behind_ = false;
  is_told_ = false;
}

void link_outlet::close() {
  std::optional<fittings> gone;
  const lock_guard guard{mutex_};
  std::swap(gone, with_);
  way_ = {};
}

void link_outlet::change_way(const way& now) {
  const lock_guard guard{mutex_};
  const bool is_another = now.epoch != way_.epoch;
  const bool is_reopened = now.is_open && (!way_.is_open || is_another);
  if (with_ && way_.is_open && !now.is_open) {
    closed_at_ = with_->time->now();
  }
  way_ = now;
  if (with_ && is_reopened) {
    with_->window.send_again_after_loss(closed_at_);
  }
}

// -- Sending

void link_outlet::serve(std::size_t messages_max) {
  const lock_guard guard{mutex_};
  is_told_ = false;
  if (!with_) {
    return;
  }
  send_next();
  while (may_send() && with_->window.has_room() &&
         add_batch(messages_max) > 0) {
  }
}

// Whatever keeps it from sending once it is open, the publisher hears of its
// end: the server answers what is on its way, the link opens, or held events
// are due.
bool link_outlet::serve_at_once(const pushed_event& pushed) {
  if (!pushed.is_first) {
    return true;
  }
  if (pushed.bytes > encoded_at_once_bytes_max) {
    return false;
  }
  if (!mutex_.try_lock()) {
    return false;
  }
  // The buffer tells of its next event only after it was emptied by somebody
  // who asked for more than there was.
  const bool is_served =
      with_ && (!may_send() || !with_->window.has_room() ||
                add_batch(messages_at_once) < messages_at_once);
  mutex_.unlock();
  return is_served;
}

/// How many events it took from the buffer.
std::size_t link_outlet::add_batch(std::size_t messages_max) {
  const std::size_t count = buffer_->drain(taken_, messages_max);
  if (count == 0) {
    return 0;
  }
  std::vector<wire_message> messages;
  messages.reserve(taken_.size());
  std::uint64_t refused = 0;
  // Clang does not see that whoever calls the function below holds the mutex.
  const refusal_sink* const on_refused = &with_->on_refused;
  with_->writer.write(
      taken_, {with_->time->unix_time(), way_.envelope_bytes_max},
      [&messages](wire_message& message) {
        messages.push_back(std::move(message));
      },
      [&](std::uint64_t sequence, const error& reason) {
        ++refused;
        (*on_refused)(sequence, reason);
      });
  not_encoded_ += refused;
  taken_.clear();
  with_->window.add(
      std::make_shared<const std::vector<wire_message>>(std::move(messages)));
  send_next();
  return count;
}

void link_outlet::send_next() {
  while (may_send()) {
    const auto next = with_->window.next();
    if (!next) {
      return;
    }
    with_->link->publish({with_->publisher_id, next->number, way_.epoch,
                          next->messages, next->is_urgent || is_closing_,
                          weak_from_this()});
  }
}

// -- Answers

void link_outlet::on_sent(std::uint64_t number, const totals& answer) {
  const lock_guard guard{mutex_};
  note_heard(number);
  if (with_) {
    with_->window.on_sent(number, answer, with_->time->now());
  }
}

/// By the publisher.
void link_outlet::note_heard(std::uint64_t number) {
  is_behind_ = is_behind_ && number != last_behind_;
}

// What is left to the publisher: more than a few events, and what becomes of
// those that nobody heard.
bool link_outlet::take(const link_outcome& outcome) {
  const lock_guard guard{mutex_};
  if (!with_ || with_->publisher_id != outcome.publisher_id) {
    return true;
  }
  if (outcome.unheard || is_behind_) {
    is_behind_ = true;
    last_behind_ = outcome.number;
    return false;
  }
  with_->window.on_sent(outcome.number, {outcome.sent, 0, outcome.refused},
                        with_->time->now());
  send_next();
  if (is_closing_) {
    return false;
  }
  // Also when nothing waits: the buffer tells of its next event only after
  // somebody found it empty.
  const bool is_served = is_told_ || !may_send() || !with_->window.has_room() ||
                         (buffer_->counts().depth <= messages_at_answer &&
                          add_batch(messages_at_answer) < messages_at_answer);
  is_told_ = is_told_ || !is_served;
  return is_served;
}

link_outlet::unheard_batch link_outlet::on_unheard(std::uint64_t number) {
  const lock_guard guard{mutex_};
  note_heard(number);
  if (!with_ || !with_->window.on_unheard(number)) {
    return unheard_batch::undecided;
  }
  if (holds_) {
    with_->window.hold();
    return unheard_batch::held;
  }
  with_->window.give_up();
  return unheard_batch::lost;
}

void link_outlet::offer_again() {
  const lock_guard guard{mutex_};
  if (with_ && with_->window.is_holding() &&
      !with_->window.is_anything_on_its_way()) {
    with_->window.send_again();
  }
}

void link_outlet::send_again() {
  const lock_guard guard{mutex_};
  if (with_) {
    with_->window.send_again();
  }
}

void link_outlet::stop_holding() {
  const lock_guard guard{mutex_};
  holds_ = false;
  is_closing_ = true;
  if (with_ && with_->window.is_holding()) {
    // For the last time: a subscriber may have come since.
    with_->window.send_again();
  }
}

// -- State

bool link_outlet::is_done() const {
  const lock_guard guard{mutex_};
  return (!with_ || with_->window.is_empty()) && buffer_->counts().depth == 0;
}

link_outlet::picture link_outlet::look() const {
  const lock_guard guard{mutex_};
  if (!with_) {
    return {};
  }
  return {with_->window.answered(), with_->window.message_count(), not_encoded_,
          with_->writer.sequence(), with_->window.is_holding()};
}

} // namespace dynamo::actors
