#include "actors/outgoing_window.hpp"

#include <algorithm>
#include <utility>

namespace dynamo::actors {

namespace {

// One being sent, one ready behind it, and of single messages as many as come
// while an answer is on its way. More would only move the backlog out of the
// publisher's buffer, whose limits are ours.
constexpr std::size_t on_their_way_max = 2;
constexpr std::size_t messages_on_their_way_max = 64;

// The answers to a few messages can wait while there is room for more.
constexpr std::size_t small_batch_max = 8;

// Messages that are kept after they were confirmed, for a while.
constexpr std::size_t recent_messages_max = 65'536;

} // namespace

// -- Sending

void outgoing_window::add(batch messages) {
  batches_.push_back(
      {{++last_number_, std::move(messages)}, progress::unsent, {}});
  count(batches_.back(), true);
}

bool outgoing_window::takes_another() const {
  if (!is_heard_) {
    return on_their_way_ == 0;
  }
  return on_their_way_ < on_their_way_max ||
         messages_on_their_way_ < messages_on_their_way_max;
}

bool outgoing_window::has_room() const {
  return takes_another() && !is_holding_ && unsent_ == 0;
}

std::optional<outgoing_window::numbered_batch> outgoing_window::next() {
  if (unsent_ == 0 || !takes_another()) {
    return std::nullopt;
  }
  const bool is_last =
      unsent_ == 1 && batches_.back().so_far == progress::unsent;
  const auto found = is_last
                         ? batches_.end() - 1
                         : std::find_if(batches_.begin(), batches_.end(),
                                        [](const entry& one) {
                                          return one.so_far == progress::unsent;
                                        });
  set(*found, progress::on_its_way);
  found->what.is_urgent =
      !takes_another() || found->what.messages->size() > small_batch_max;
  return found->what;
}

void outgoing_window::send_again() {
  is_heard_ = false;
  for (entry& one : batches_) {
    set(one, progress::unsent);
  }
}

void outgoing_window::send_again_after_loss(clock::time_point lost_at) {
  for (; !recent_.empty(); recent_.pop_back()) {
    if (*recent_.back().confirmed_at + repeat_window_ >= lost_at) {
      recent_.back().so_far = progress::unsent;
      batches_.push_front(std::move(recent_.back()));
      count(batches_.front(), true);
    }
  }
  recent_messages_ = 0;
  send_again();
}

/// It is one of the batches from now on, or no longer.
void outgoing_window::count(const entry& one, bool is_new) {
  const std::size_t by = is_new ? 1 : std::size_t{0} - 1;
  if (one.so_far == progress::unsent) {
    unsent_ += by;
  } else if (one.so_far == progress::on_its_way) {
    on_their_way_ += by;
    messages_on_their_way_ += by * one.what.messages->size();
  }
}

void outgoing_window::set(entry& one, progress so_far) {
  count(one, false);
  one.so_far = so_far;
  count(one, true);
}

// -- Answers

// Answers come in order, but a batch that was sent twice is answered twice.
void outgoing_window::on_sent(std::uint64_t number, const totals& answer,
                              clock::time_point now) {
  while (!batches_.empty() && batches_.front().what.number < number &&
         batches_.front().so_far == progress::unheard) {
    // A later one was heard: its subscriber came too late for this one.
    count_unheard(batches_.front());
    count(batches_.front(), false);
    batches_.pop_front();
  }
  if (batches_.empty() || batches_.front().what.number != number) {
    return;
  }
  count(batches_.front(), false);
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
  recent_messages_ += confirmed.what.messages->size();
  recent_.push_back(std::move(confirmed));
  while (!recent_.empty() &&
         (recent_messages_ > recent_messages_max ||
          *recent_.front().confirmed_at + repeat_window_ < now)) {
    recent_messages_ -= recent_.front().what.messages->size();
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
  set(*found, progress::unheard);
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
    count(one, false);
    return true;
  });
}

void outgoing_window::count_unheard(const entry& one) {
  // What was confirmed before was heard then.
  answered_.unheard += one.confirmed_at ? 0 : one.what.messages->size();
}

// -- State

std::size_t outgoing_window::message_count() const {
  std::size_t count = 0;
  for (const entry& one : batches_) {
    count += one.what.messages->size();
  }
  return count;
}

} // namespace dynamo::actors
