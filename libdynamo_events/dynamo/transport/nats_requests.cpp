#include "dynamo/transport/nats_requests.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <poll.h>
#include <utility>

namespace dynamo {

namespace {

/// What whoever publishes sends itself: some microseconds' work.
constexpr std::size_t placed_at_once_max = 8;
constexpr std::size_t placed_at_once_bytes_max = 65'536;

/// What comes so soon after something was written is written by the link's
/// thread: about the time that this takes to wake.
constexpr std::chrono::microseconds gathering{50};

/// Until a time, rounded up to what poll() knows.
int milliseconds_until(clock::time_point until) {
  constexpr std::chrono::milliseconds longest = std::chrono::hours{1};
  const auto now = std::chrono::steady_clock::now();
  if (until <= now) {
    return 0;
  }
  const auto left = std::min<clock::time_point::duration>(until - now, longest);
  return static_cast<int>(
      std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

} // namespace

// -- By any thread

void nats_requests::want_attempt() {
  const lock_guard guard{mutex_};
  if (!is_connected_) {
    is_attempting_ = true;
    ring();
  }
}

void nats_requests::publish(link_batch batch) {
  std::shared_ptr<nats_line> written;
  {
    const lock_guard guard{mutex_};
    if (!is_connected_ || batch.epoch != epoch_) {
      return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (!place(batch, now)) {
      batches_.push_back(std::move(batch));
      ring();
    } else if (now < written_at_ + gathering) {
      // By when the thread runs, it may write more of them at once.
      ring();
    } else {
      written_at_ = now;
      written = line_;
    }
  }
  if (written != nullptr) {
    written->write();
  }
}

/// Whether it could be placed at once. Then the others that publish wait, so it
/// must be small; and nothing that was left before may be overtaken.
bool nats_requests::place(const link_batch& batch, clock::time_point now) {
  const auto& messages = *batch.messages;
  if (line_ == nullptr || is_placing_ || are_subscriptions_changed_ ||
      !batches_.empty() || messages.size() > placed_at_once_max) {
    return false;
  }
  std::size_t bytes = 0;
  for (const wire_message& message : messages) {
    bytes += message.envelope.size();
  }
  if (bytes > placed_at_once_bytes_max) {
    return false;
  }
  // When it fails the connection is over, as the link's thread will see.
  const auto wakes = line_->place(batch, now);
  if (wakes && *wakes) {
    ring();
  }
  return true;
}

void nats_requests::on_subscriptions_changed() {
  const lock_guard guard{mutex_};
  are_subscriptions_changed_ = true;
  ring();
}

void nats_requests::ring() {
  has_news_ = true;
  if (is_asleep_.exchange(false)) {
    bell_->ring();
  }
}

void nats_requests::stop() {
  const lock_guard guard{mutex_};
  stopping_ = true;
  ring();
  while (!has_ended_) {
    ended_.wait(mutex_);
  }
}

link_counts nats_requests::counts() const {
  const lock_guard guard{mutex_};
  return counts_;
}

std::uint64_t nats_requests::epoch() const {
  const lock_guard guard{mutex_};
  return epoch_;
}

// -- By the link's thread

bool nats_requests::await(clock::time_point until, int descriptor,
                          bool has_to_write) {
  // In this order: whoever rings in between finds it asleep.
  is_asleep_ = true;
  const bool has_news = has_news_.exchange(false);
  const auto wanted =
      static_cast<short>(has_to_write ? POLLIN | POLLOUT : POLLIN);
  std::array<pollfd, 2> polled{
      {{bell_->descriptor(), POLLIN, 0}, {descriptor, wanted, 0}}};
  ::poll(polled.data(), polled.size(),
         has_news ? 0 : milliseconds_until(until));
  if (polled[0].revents != 0) {
    bell_->clear();
  }
  is_asleep_ = false;
  // An error is found by reading.
  return (polled[1].revents & ~POLLOUT) != 0;
}

bool nats_requests::is_attempt_wanted() const {
  const lock_guard guard{mutex_};
  return is_attempting_;
}

std::vector<link_batch> nats_requests::take_batches() {
  std::vector<link_batch> taken;
  const lock_guard guard{mutex_};
  taken.swap(batches_);
  is_placing_ = !taken.empty() || are_subscriptions_changed_;
  are_subscriptions_changed_ = false;
  return taken;
}

void nats_requests::placed() {
  const lock_guard guard{mutex_};
  is_placing_ = false;
}

void nats_requests::on_connected(std::shared_ptr<nats_line> line) {
  const lock_guard guard{mutex_};
  line_ = std::move(line);
  is_attempting_ = false;
  is_connected_ = true;
  ++epoch_;
  ++counts_.connects;
}

void nats_requests::on_failed() {
  const lock_guard guard{mutex_};
  is_attempting_ = false;
  ++counts_.failures;
}

void nats_requests::refuse_batches() {
  const lock_guard guard{mutex_};
  is_connected_ = false;
  line_.reset();
}

void nats_requests::on_disconnected() {
  const lock_guard guard{mutex_};
  counts_.losses += std::exchange(is_connected_, false) ? 1 : 0;
  batches_.clear();
  line_.reset();
}

void nats_requests::count_sent(std::uint64_t messages, std::uint64_t bytes) {
  const lock_guard guard{mutex_};
  counts_.confirmed += messages;
  counts_.bytes += bytes;
}

void nats_requests::count_refused(std::uint64_t too_large,
                                  std::uint64_t forbidden) {
  const lock_guard guard{mutex_};
  counts_.too_large += too_large;
  counts_.forbidden += forbidden;
}

void nats_requests::on_end() {
  const lock_guard guard{mutex_};
  has_ended_ = true;
  ended_.notify_all();
}

} // namespace dynamo
