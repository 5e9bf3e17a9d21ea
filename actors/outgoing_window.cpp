#include "actors/outgoing_window.hpp"

#include <algorithm>
#include <utility>

namespace dynamo::actors {

namespace {

// One being sent, one ready behind it. More would only move the backlog out of
// the publisher's buffer, whose limits are ours.
constexpr std::size_t on_their_way_max = 2;

// The answers to a few messages can wait while there is room for more.
constexpr std::size_t small_batch_max = 8;

// Batches that are kept after they were confirmed, for a while.
constexpr std::size_t recent_max = 256;

} // namespace

// -- Sending

void outgoing_window::add(batch messages) {
  batches_.push_back(
      {{++last_number_, std::move(messages)}, progress::unsent, {}});
}

std::size_t outgoing_window::room() const {
  const std::size_t most = is_heard_ ? on_their_way_max : 1;
  return most - std::min(most, count_of(progress::on_its_way));
}

bool outgoing_window::has_room() const {
  return room() > 0 && !is_holding_ && count_of(progress::unsent) == 0;
}

std::optional<outgoing_window::numbered_batch> outgoing_window::next() {
  if (room() == 0) {
    return std::nullopt;
  }
  const auto found =
      std::find_if(batches_.begin(), batches_.end(), [](const entry& one) {
        return one.so_far == progress::unsent;
      });
  if (found == batches_.end()) {
    return std::nullopt;
  }
  found->so_far = progress::on_its_way;
  found->what.is_urgent = !is_heard_ || room() == 0 ||
                          found->what.messages->size() > small_batch_max;
  return found->what;
}

void outgoing_window::send_again() {
  is_heard_ = false;
  for (entry& one : batches_) {
    one.so_far = progress::unsent;
  }
}

void outgoing_window::send_again_after_loss(clock::time_point lost_at) {
  for (; !recent_.empty(); recent_.pop_back()) {
    if (*recent_.back().confirmed_at + repeat_window_ >= lost_at) {
      batches_.push_front(std::move(recent_.back()));
    }
  }
  send_again();
}

// -- Answers

// Answers come in order, but a batch that was sent twice is answered twice.
void outgoing_window::on_sent(std::uint64_t number, const totals& answer,
                              clock::time_point now) {
  while (!batches_.empty() && batches_.front().what.number < number &&
         batches_.front().so_far == progress::unheard) {
    // A later one was heard: its subscriber came too late for this one.
    count_unheard(batches_.front());
    batches_.pop_front();
  }
  if (batches_.empty() || batches_.front().what.number != number) {
    return;
  }
  entry confirmed = std::move(batches_.front());
  batches_.pop_front();
  is_heard_ = true;
  is_holding_ = false;
  if (!confirmed.confirmed_at) {
    answered_.sent += answer.sent;
    answered_.unheard += answer.unheard;
    answered_.refused += answer.refused;
  }
  keep_for_repeat(std::move(confirmed), now);
}

void outgoing_window::keep_for_repeat(entry confirmed, clock::time_point now) {
  if (repeat_window_.count() == 0) {
    return;
  }
  confirmed.confirmed_at = now;
  recent_.push_back(std::move(confirmed));
  while (recent_.size() > recent_max ||
         *recent_.front().confirmed_at + repeat_window_ < now) {
    recent_.pop_front();
  }
}

bool outgoing_window::on_unheard(std::uint64_t number) {
  const auto found =
      std::find_if(batches_.begin(), batches_.end(), [&](const entry& one) {
        return one.what.number == number && one.so_far == progress::on_its_way;
      });
  if (found == batches_.end()) {
    return false;
  }
  found->so_far = progress::unheard;
  if (is_anything_on_its_way()) {
    // What becomes of it depends on whether those are heard.
    return false;
  }
  is_heard_ = false;
  return true;
}

void outgoing_window::give_up() {
  is_holding_ = false;
  std::erase_if(batches_, [this](const entry& one) {
    if (one.so_far != progress::unheard) {
      return false;
    }
    count_unheard(one);
    return true;
  });
}

void outgoing_window::count_unheard(const entry& one) {
  // What was confirmed before was heard then.
  answered_.unheard += one.confirmed_at ? 0 : one.what.messages->size();
}

// -- State

bool outgoing_window::is_anything_on_its_way() const {
  return count_of(progress::on_its_way) > 0;
}

std::size_t outgoing_window::message_count() const {
  std::size_t count = 0;
  for (const entry& one : batches_) {
    count += one.what.messages->size();
  }
  return count;
}

std::size_t outgoing_window::count_of(progress so_far) const {
  return static_cast<std::size_t>(
      std::count_if(batches_.begin(), batches_.end(),
                    [&](const entry& one) { return one.so_far == so_far; }));
}

} // namespace dynamo::actors
