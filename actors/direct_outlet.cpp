// Publish path, steps 2 to 4 and 6 where no server is between: what waits in
// the buffer becomes messages, which the socket takes or refuses, without
// waiting.

#include "actors/direct_outlet.hpp"

#include <algorithm>
#include <utility>

namespace dynamo::actors {

void direct_outlet::open(std::shared_ptr<sender> socket, message_writer writer,
                         const clock& time, refusal_sink on_refused) {
  const lock_guard guard{mutex_};
  socket_ = std::move(socket);
  writer_ = std::move(writer);
  time_ = &time;
  on_refused_ = std::move(on_refused);
  last_counts_ = {};
  not_encoded_ = 0;
  listeners_ = socket_->subscribers().value_or(1);
}

void direct_outlet::close() {
  std::shared_ptr<sender> closed;
  const lock_guard guard{mutex_};
  if (socket_) {
    last_counts_ = socket_->counts();
  }
  std::swap(closed, socket_);
  on_refused_ = {};
}

bool direct_outlet::serve(std::size_t messages_max) {
  const lock_guard guard{mutex_};
  return send_some(messages_max) == messages_max;
}

void direct_outlet::look_at_subscribers() {
  const lock_guard guard{mutex_};
  if (socket_) {
    listeners_ = socket_->subscribers().value_or(1);
  }
}

void direct_outlet::stop_holding() {
  const lock_guard guard{mutex_};
  holds_ = false;
}

direct_outlet::picture direct_outlet::look() const {
  const lock_guard guard{mutex_};
  return {socket_ ? socket_->counts() : last_counts_, listeners_, not_encoded_,
          writer_ ? writer_->sequence() : 0};
}

// Who finds it busy does not wait: the publisher comes back to what is left.
bool direct_outlet::serve_at_once(const pushed_event& pushed) {
  const bool is_left_to_publisher =
      pushed.bytes > encoded_at_once_bytes_max ||
      (pushed.travels_in_company && !pushed.is_first);
  if (pushed.bytes > encoded_at_once_bytes_max) {
    ++large_waiting_;
  }
  if (is_left_to_publisher || large_waiting_ != 0) {
    return !pushed.is_first;
  }
  if (!pushed.travels_in_company &&
      !is_attended_.load(std::memory_order_relaxed)) {
    is_attended_.store(true, std::memory_order_relaxed);
  }
  if (!mutex_.try_lock()) {
    return !pushed.is_first;
  }
  const bool is_allowed =
      socket_ && (!pushed.travels_in_company || takes_credit());
  const bool is_all_sent =
      is_allowed &&
      (is_held() || send_some(messages_at_once) < messages_at_once);
  mutex_.unlock();
  return is_all_sent || !pushed.is_first;
}

bool direct_outlet::was_attended() {
  return is_attended_.exchange(false, std::memory_order_relaxed);
}

bool direct_outlet::takes_credit() {
  const auto now = time_->now();
  const auto earned = (now - credited_at_) / credit_interval;
  if (earned > 0) {
    const auto more = static_cast<std::size_t>(
        std::min<std::int64_t>(earned, std::int64_t{credit_max}));
    credit_ = std::min(credit_ + more, credit_max);
    credited_at_ = now;
  }
  if (credit_ == 0) {
    return false;
  }
  --credit_;
  return true;
}

// Of a buffer that is empty now, those are forgotten, too, that it has dropped.
void direct_outlet::count_large_as_taken(bool is_empty) {
  if (is_empty) {
    large_waiting_ = 0;
    return;
  }
  large_waiting_ -= std::count_if(
      taken_.begin(), taken_.end(), [](const inbox_item<event>& item) {
        return item.size_bytes > encoded_at_once_bytes_max;
      });
}

std::size_t direct_outlet::send_some(std::size_t messages_max) {
  if (!socket_ || is_held()) {
    return 0;
  }
  const std::size_t count = buffer_->drain(taken_, messages_max);
  count_large_as_taken(count < messages_max);
  bool is_heard = true;
  std::uint64_t refused = 0;
  // Clang does not see that whoever calls the functions below holds the mutex.
  sender* const socket = socket_.get();
  const refusal_sink* const on_refused = &on_refused_;
  writer_->write(
      taken_, {time_->unix_time(), std::nullopt},
      [&](const wire_message& message) {
        is_heard = socket->send(message) != send_outcome::unheard && is_heard;
      },
      [&](std::uint64_t sequence, const error& reason) {
        ++refused;
        (*on_refused)(sequence, reason);
      });
  not_encoded_ += refused;
  taken_.clear();
  if (!is_heard) {
    listeners_ = socket_->subscribers().value_or(1);
  }
  return count;
}

} // namespace dynamo::actors
