#include "dynamo/transport/nats_requests.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <poll.h>
#include <utility>

namespace dynamo {

namespace {

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
    wake();
  }
}

void nats_requests::add(link_batch batch) {
  const lock_guard guard{mutex_};
  if (is_connected_ && batch.epoch == epoch_) {
    batches_.push_back(std::move(batch));
    wake();
  }
}

void nats_requests::ring() {
  const lock_guard guard{mutex_};
  wake();
}

void nats_requests::wake() {
  has_news_ = true;
  if (std::exchange(is_asleep_, false)) {
    bell_->ring();
  }
}

void nats_requests::stop() {
  const lock_guard guard{mutex_};
  stopping_ = true;
  wake();
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
  bool has_news = false;
  {
    const lock_guard guard{mutex_};
    has_news = std::exchange(has_news_, false);
    is_asleep_ = !has_news;
  }
  const auto wanted =
      static_cast<short>(has_to_write ? POLLIN | POLLOUT : POLLIN);
  std::array<pollfd, 2> polled{
      {{bell_->descriptor(), POLLIN, 0}, {descriptor, wanted, 0}}};
  ::poll(polled.data(), polled.size(),
         has_news ? 0 : milliseconds_until(until));
  if (polled[0].revents != 0) {
    bell_->clear();
  }
  const lock_guard guard{mutex_};
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
  return taken;
}

void nats_requests::on_connected() {
  const lock_guard guard{mutex_};
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
}

void nats_requests::on_disconnected() {
  const lock_guard guard{mutex_};
  counts_.losses += std::exchange(is_connected_, false) ? 1 : 0;
  batches_.clear();
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
