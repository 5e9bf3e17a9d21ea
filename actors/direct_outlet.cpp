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
bool direct_outlet::serve_at_once(std::size_t event_bytes) {
  if (event_bytes > event_bytes_max || !mutex_.try_lock()) {
    return false;
  }
  const bool is_served = socket_ && takes_credit() &&
                         (is_held() || send_some(credit_max) < credit_max);
  mutex_.unlock();
  return is_served;
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

std::size_t direct_outlet::send_some(std::size_t messages_max) {
  if (!socket_ || is_held()) {
    return 0;
  }
  const std::size_t count = buffer_->drain(taken_, messages_max);
  const std::vector<wire_message> messages =
      writer_->write(taken_, {time_->unix_time(), std::nullopt},
                     [this](std::uint64_t sequence, const error& reason) {
                       ++not_encoded_;
                       on_refused_(sequence, reason);
                     });
  taken_.clear();
  bool is_heard = true;
  for (const wire_message& message : messages) {
    is_heard = socket_->send(message) != send_outcome::unheard && is_heard;
  }
  if (!is_heard) {
    listeners_ = socket_->subscribers().value_or(1);
  }
  return count;
}

} // namespace dynamo::actors
