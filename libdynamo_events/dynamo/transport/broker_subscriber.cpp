#include "dynamo/transport/broker_subscriber.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace dynamo {

namespace {

/// A subscriber sends nothing but prefixes.
constexpr std::size_t frame_bytes_max = 4 * 1024;
constexpr std::size_t read_bytes = 16 * 1024;
/// Pieces that one call of the system writes.
constexpr std::size_t pieces_max = 64;
/// Pongs that wait with the messages.
constexpr std::size_t pongs_beyond = 16;

error failure(int code, const char* what) {
  return {errc::io, std::string{what} + ": " + std::strerror(code)};
}

bool is_passing(int code) {
  return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

} // namespace

broker_subscriber::broker_subscriber(int descriptor,
                                     const broker_options& options,
                                     clock::time_point now)
    : descriptor_(descriptor)
    , options_(options)
    , since_(now)
    , reader_(frame_bytes_max) {
  put(std::make_shared<const byte_buffer>(zmtp_opening()));
}

broker_subscriber::~broker_subscriber() {
  close(descriptor_);
}

status broker_subscriber::read(const change_sink& changed) {
  std::array<std::uint8_t, read_bytes> bytes;
  const ssize_t come = recv(descriptor_, bytes.data(), bytes.size(), 0);
  if (come < 0) {
    return is_passing(errno) ? ok() : failure(errno, "read a subscriber");
  }
  if (come == 0) {
    return error{errc::closed, "the subscriber has closed the connection"};
  }
  const status fed = reader_.feed(
      {bytes.data(), static_cast<std::size_t>(come)},
      [&](const zmtp_request& request) { take(request, changed); });
  if (!fed) {
    return fed;
  }
  if (has_too_many_) {
    return error{errc::too_large,
                 "subscriber: expected at most " +
                     std::to_string(options_.subscriptions_max) +
                     " subscriptions"};
  }
  return ok();
}

void broker_subscriber::take(const zmtp_request& request,
                             const change_sink& changed) {
  switch (request.what) {
  case zmtp_request::kind::ready:
    return;
  case zmtp_request::kind::subscribe:
    if (wanted_.size() >= options_.subscriptions_max) {
      has_too_many_ = true;
    } else if (wanted_.add(request.text)) {
      changed(request.text, change::begun);
    }
    return;
  case zmtp_request::kind::cancel:
    if (wanted_.remove(request.text)) {
      changed(request.text, change::ended);
    }
    return;
  case zmtp_request::kind::ping:
    // While messages wait, those show that the broker lives.
    if (queue_.size() < pongs_beyond) {
      byte_buffer pong;
      append_zmtp_pong(pong, request.text);
      put(std::make_shared<const byte_buffer>(std::move(pong)));
    }
    return;
  }
}

bool broker_subscriber::is_full() const {
  return queue_.size() >= options_.queue_items_max ||
         queued_bytes_ >= options_.queue_bytes_max;
}

void broker_subscriber::put(broker_message message) {
  queued_bytes_ += message->size();
  queue_.push_back(std::move(message));
}

status broker_subscriber::write() {
  while (!queue_.empty()) {
    std::array<iovec, pieces_max> pieces;
    const std::size_t count = std::min(queue_.size(), pieces.size());
    for (std::size_t at = 0; at < count; ++at) {
      const std::size_t skipped = at == 0 ? offset_ : 0;
      const byte_buffer& one = *queue_[at];
      pieces[at].iov_base = const_cast<std::uint8_t*>(one.data() + skipped);
      pieces[at].iov_len = one.size() - skipped;
    }
    msghdr all{};
    all.msg_iov = pieces.data();
    all.msg_iovlen = count;
    const ssize_t gone = sendmsg(descriptor_, &all, MSG_NOSIGNAL);
    if (gone < 0) {
      return is_passing(errno) ? ok() : failure(errno, "write to a subscriber");
    }
    forget(static_cast<std::size_t>(gone));
  }
  is_late_ = false;
  return ok();
}

void broker_subscriber::forget(std::size_t bytes) {
  offset_ += bytes;
  while (!queue_.empty() && offset_ >= queue_.front()->size()) {
    offset_ -= queue_.front()->size();
    queued_bytes_ -= queue_.front()->size();
    queue_.pop_front();
  }
  assert(!queue_.empty() || offset_ == 0);
}

} // namespace dynamo
