#include "dynamo/transport/broker_outlet.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

namespace dynamo {

namespace {

using namespace std::chrono_literals;

constexpr int events_per_turn = 256;
/// Accepted at a time, so that a flood of connections cannot hold the
/// messages.
constexpr int accepts_per_turn = 64;
/// The system had no descriptor: it is asked again then.
constexpr auto accept_delay = 100ms;

void watch(int events, int operation, int descriptor, std::uint32_t wanted) {
  epoll_event event{};
  event.events = wanted;
  event.data.fd = descriptor;
  // It can only fail for want of memory; then the descriptor's owner times
  // out.
  static_cast<void>(epoll_ctl(events, operation, descriptor, &event));
}

} // namespace

result<std::unique_ptr<broker_outlet>>
broker_outlet::open(const tcp_endpoint& where, const broker_options& options,
                    broker_counts& counts,
                    broker_subscriber::change_sink changed) {
  auto listener = listening_socket::open(where);
  if (!listener) {
    return listener.error();
  }
  const int events = epoll_create1(EPOLL_CLOEXEC);
  if (events < 0) {
    return error{errc::io, std::string{"epoll: "} + std::strerror(errno)};
  }
  std::unique_ptr<broker_outlet> opened{new broker_outlet{
      events, *std::move(listener), options, counts, std::move(changed)}};
  watch(events, EPOLL_CTL_ADD, opened->listener_->descriptor(), EPOLLIN);
  return opened;
}

broker_outlet::broker_outlet(int events,
                             std::unique_ptr<listening_socket> listener,
                             const broker_options& options,
                             broker_counts& counts,
                             broker_subscriber::change_sink changed)
    : events_(events)
    , listener_(std::move(listener))
    , options_(options)
    , counts_(counts)
    , changed_(std::move(changed))
    , counted_([this](std::string_view prefix, broker_subscriber::change what) {
      count(prefix, what);
    }) {}

broker_outlet::~broker_outlet() {
  close(events_);
}

std::optional<clock::time_point> broker_outlet::next_deadline() const {
  std::optional<clock::time_point> next = listen_again_;
  for (const auto& [descriptor, one] : subscribers_) {
    if (!one->is_ready()) {
      const auto end = one->since() + options_.handshake_timeout;
      next = next ? std::min(*next, end) : end;
    }
  }
  return next;
}

void broker_outlet::serve(clock::time_point now) {
  if (listen_again_ && *listen_again_ <= now) {
    listen_again_.reset();
    watch(events_, EPOLL_CTL_MOD, listener_->descriptor(), EPOLLIN);
  }
  std::array<epoll_event, events_per_turn> come;
  const int count = epoll_wait(events_, come.data(), events_per_turn, 0);
  bool is_called = false;
  for (int at = 0; at < count; ++at) {
    const epoll_event& event = come[static_cast<std::size_t>(at)];
    if (event.data.fd == listener_->descriptor()) {
      is_called = true;
    } else {
      serve(event.data.fd, event.events);
    }
  }
  // Last, because a new connection may get the number of one that has ended.
  if (is_called) {
    accept(now);
  }
  end_unready(now);
}

void broker_outlet::accept(clock::time_point now) {
  for (int accepted = 0; accepted < accepts_per_turn; ++accepted) {
    const auto come = listener_->accept();
    if (!come) {
      watch(events_, EPOLL_CTL_MOD, listener_->descriptor(), 0);
      listen_again_ = now + accept_delay;
      return;
    }
    if (!*come) {
      return;
    }
    const int descriptor = **come;
    if (subscribers_.size() >= options_.subscribers_max) {
      ++counts_.subscribers_refused;
      close(descriptor);
      continue;
    }
    ++counts_.subscribers_accepted;
    subscribers_.emplace(descriptor, std::make_unique<broker_subscriber>(
                                         descriptor, options_, now));
    watch(events_, EPOLL_CTL_ADD, descriptor, EPOLLIN | EPOLLOUT);
  }
}

void broker_outlet::end_unready(clock::time_point now) {
  std::vector<int> late;
  for (const auto& [descriptor, one] : subscribers_) {
    if (!one->is_ready() && one->since() + options_.handshake_timeout <= now) {
      late.push_back(descriptor);
    }
  }
  for (const int descriptor : late) {
    end(descriptor, {errc::malformed, "no opening in time"});
  }
}

void broker_outlet::serve(int descriptor, unsigned events) {
  const auto found = subscribers_.find(descriptor);
  if (found == subscribers_.end()) {
    return;
  }
  broker_subscriber& one = *found->second;
  if ((events & ~static_cast<unsigned>(EPOLLOUT)) != 0) {
    if (const status taken = one.read(counted_); !taken) {
      end(descriptor, taken.error());
      return;
    }
  }
  write(one);
}

void broker_outlet::write(broker_subscriber& to) {
  if (const status written = to.write(); !written) {
    end(to.descriptor(), written.error());
    return;
  }
  const bool needs_room = to.is_waiting();
  if (to.watch_room(needs_room) != needs_room) {
    watch(events_, EPOLL_CTL_MOD, to.descriptor(),
          needs_room ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
}

void broker_outlet::end(int descriptor, const error& reason) {
  const auto found = subscribers_.find(descriptor);
  const std::unique_ptr<broker_subscriber> ended = std::move(found->second);
  subscribers_.erase(found);
  std::erase(fresh_, ended.get());
  for (const std::string& prefix : ended->wanted()) {
    count(prefix, broker_subscriber::change::ended);
  }
  const bool is_bad = reason.code != errc::closed && reason.code != errc::io;
  counts_.subscribers_bad += is_bad ? 1 : 0;
  counts_.abandoned += ended->is_ready() ? ended->waiting() : 0;
}

void broker_outlet::count(std::string_view prefix,
                          broker_subscriber::change what) {
  if (what == broker_subscriber::change::begun) {
    const auto [entry, is_first] = uses_.try_emplace(std::string{prefix}, 0);
    ++entry->second;
    if (is_first) {
      changed_(prefix, what);
    }
    return;
  }
  const auto found = uses_.find(prefix);
  if (found != uses_.end() && --found->second == 0) {
    uses_.erase(found);
    changed_(prefix, what);
  }
}

broker_outlet::outcome broker_outlet::offer(std::string_view topic,
                                            const broker_message& message,
                                            patience how) {
  wanting_.clear();
  for (const auto& [descriptor, one] : subscribers_) {
    if (!one->wants(topic)) {
      continue;
    }
    wanting_.push_back(one.get());
    if (how == patience::wait && one->is_full() && !one->is_late()) {
      return outcome::must_wait;
    }
  }
  if (wanting_.empty()) {
    ++counts_.unheard;
  }
  bool is_missed = false;
  for (broker_subscriber* one : wanting_) {
    if (one->is_full()) {
      one->mark_late();
      ++counts_.missed;
      is_missed = true;
      continue;
    }
    if (!one->is_waiting()) {
      fresh_.push_back(one);
    }
    one->put(message);
    ++counts_.delivered;
    counts_.delivered_bytes += message->size();
  }
  counts_.dropped += is_missed ? 1 : 0;
  return outcome::done;
}

void broker_outlet::flush() {
  // Each that had nothing to write before; the others wait for the system.
  while (!fresh_.empty()) {
    broker_subscriber* const one = fresh_.back();
    fresh_.pop_back();
    write(*one);
  }
  refresh_counts();
}

bool broker_outlet::is_idle() const {
  return std::none_of(
      subscribers_.begin(), subscribers_.end(),
      [](const auto& entry) { return entry.second->is_waiting(); });
}

void broker_outlet::refresh_counts() {
  counts_.subscribers = subscribers_.size();
  counts_.subscriptions = uses_.size();
  counts_.waiting = 0;
  for (const auto& [descriptor, one] : subscribers_) {
    counts_.waiting += one->waiting();
  }
}

} // namespace dynamo
