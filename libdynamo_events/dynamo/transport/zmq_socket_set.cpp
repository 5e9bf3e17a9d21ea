#include "dynamo/transport/zmq_socket_set.hpp"

#include "dynamo/transport/zmq_error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

// libzmq's descriptor of a socket is readable as long as the socket has not
// heard what its other threads told it, and any call of the socket may hear it.
// So who waits for descriptors has to read until there is nothing left, and to
// look again, without waiting, after every other call.

namespace dynamo {

namespace {

using namespace std::chrono_literals;

/// Changes that found the inbox full are offered again this often.
constexpr auto retry_interval = 50ms;
/// Nothing is due: sleep until something comes.
constexpr auto for_ever = -1ms;
/// The rest of what is readable waits for the next turn.
constexpr std::size_t readable_per_turn = 256;

/// A station's address, and in its lowest bit which of its descriptors.
constexpr std::uintptr_t of_signals = 1;

error io_failure(const char* call) {
  return {errc::io, std::string{call} + ": " + std::strerror(errno)};
}

status watch_descriptor(int epoll, int descriptor, std::uint64_t of) {
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.u64 = of;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &wanted) == 0
             ? ok()
             : io_failure("epoll_ctl");
}

} // namespace

zmq_socket_set::zmq_socket_set(zmq::context_t& sockets,
                               const zmq_options& options,
                               receiver_counters& counters)
    : sockets_(sockets)
    , options_(options)
    , counters_(counters)
    , report_([this](connection_change change) {
      reporter_.report(std::move(change));
    }) {}

zmq_socket_set::~zmq_socket_set() {
  if (epoll_ >= 0) {
    ::close(epoll_);
  }
}

status zmq_socket_set::open(const descriptors& others) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) {
    return io_failure("epoll_create1");
  }
  for (const int descriptor : others) {
    if (const status watched = watch_descriptor(epoll_, descriptor, 0);
        !watched) {
      return watched;
    }
  }
  return ok();
}

void zmq_socket_set::report_to(std::shared_ptr<connection_inbox> changes,
                               std::function<void()> wake) {
  reporter_.report_to(std::move(changes), std::move(wake));
}

void zmq_socket_set::subscribe(subscription wanted) {
  const subscription_id id = wanted.id;
  streams_.emplace(id, stream{{std::move(wanted), counters_}, {}});
}

void zmq_socket_set::unsubscribe(subscription_id id) {
  const auto found = streams_.find(id);
  if (found != streams_.end()) {
    for (const auto& one : found->second.stations) {
      close(*one);
    }
    streams_.erase(found);
  }
  reporter_.forget(id);
}

void zmq_socket_set::connect(subscription_id id, const peer& remote,
                             time_point now) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) {
    return;
  }
  disconnect(found->second, remote.publisher_id, now);
  reporter_.forget(id, remote.publisher_id);
  if (const status begun = connect(found->second, remote, now); !begun) {
    reporter_.report(
        {id, remote, connection_state::failed, to_string(begun.error())});
  }
}

void zmq_socket_set::disconnect(subscription_id id, std::uint64_t publisher_id,
                                time_point now) {
  const auto found = streams_.find(id);
  if (found != streams_.end()) {
    disconnect(found->second, publisher_id, now);
    reporter_.forget(id, publisher_id);
  }
}

void zmq_socket_set::disconnect(stream& from, std::uint64_t publisher_id,
                                time_point now) {
  for (const auto& one : from.stations) {
    if (one->socket->disconnect(publisher_id, now)) {
      stir(*one);
    }
  }
}

status zmq_socket_set::connect(stream& to, const peer& remote, time_point now) {
  const auto endpoint = parse_tcp_endpoint(remote.endpoint);
  if (!endpoint) {
    return endpoint.error();
  }
  const auto at = station_for(to, *endpoint);
  if (!at) {
    return at.error();
  }
  stir(**at);
  return (*at)->socket->connect(remote, *endpoint, now);
}

result<zmq_socket_set::station*>
zmq_socket_set::station_for(stream& to, const tcp_endpoint& endpoint) {
  const auto roomy = std::find_if(to.stations.begin(), to.stations.end(),
                                  [&endpoint](const auto& one) {
                                    return one->socket->has_room_for(endpoint);
                                  });
  if (roomy != to.stations.end()) {
    return roomy->get();
  }
  auto opened = zmq_sub_socket::open(sockets_, options_, to.intake,
                                     endpoint.host.family, ++sockets_made_);
  if (!opened) {
    return opened.error();
  }
  auto made = std::make_unique<station>();
  made->socket = *std::move(opened);
  if (const status watched = watch(*made); !watched) {
    return watched.error();
  }
  to.stations.push_back(std::move(made));
  return to.stations.back().get();
}

status zmq_socket_set::watch(station& one) {
  try {
    one.messages = one.socket->messages().get(zmq::sockopt::fd);
    one.signals = one.socket->signals().get(zmq::sockopt::fd);
  } catch (const zmq::error_t& failure) {
    return zmq_failure(failure.num(), "get the descriptor of a socket");
  }
  const auto address = reinterpret_cast<std::uintptr_t>(&one);
  if (const status watched = watch_descriptor(epoll_, one.messages, address);
      !watched) {
    return watched;
  }
  const status watched =
      watch_descriptor(epoll_, one.signals, address | of_signals);
  if (!watched) {
    close(one);
  }
  return watched;
}

/// libzmq closes the descriptors later, in a thread of its own.
void zmq_socket_set::close(station& one) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, one.messages, nullptr);
  epoll_ctl(epoll_, EPOLL_CTL_DEL, one.signals, nullptr);
  std::erase(due_, &one);
  std::erase(unsettled_, &one);
}

void zmq_socket_set::make_due(station& one) {
  if (!one.is_due) {
    one.is_due = true;
    due_.push_back(&one);
  }
}

/// The socket was or will be told something.
void zmq_socket_set::stir(station& one) {
  make_due(one);
  one.has_signals = true;
  unsettle(one);
}

void zmq_socket_set::unsettle(station& one) {
  if (!one.is_unsettled) {
    one.is_unsettled = true;
    unsettled_.push_back(&one);
  }
}

status zmq_socket_set::wait(time_point now) {
  if (is_closed_) {
    return error{errc::closed, "the sockets are being closed"};
  }
  std::array<epoll_event, readable_per_turn> events;
  const auto limit = due_.empty() ? timeout(now) : 0ms;
  const int count =
      epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                 static_cast<int>(limit.count()));
  if (count < 0) {
    return errno == EINTR ? ok() : status{io_failure("epoll_wait")};
  }
  for (int i = 0; i < count; ++i) {
    const auto of = static_cast<std::uintptr_t>(
        events[static_cast<std::size_t>(i)].data.u64);
    if (of == 0) {
      continue;
    }
    station& one = *reinterpret_cast<station*>(of & ~of_signals);
    make_due(one);
    one.has_signals = one.has_signals || (of & of_signals) != 0;
  }
  return ok();
}

std::chrono::milliseconds zmq_socket_set::timeout(time_point now) const {
  std::optional<time_point> next;
  if (reporter_.has_kept()) {
    next = now + retry_interval;
  }
  for (const station* one : unsettled_) {
    if (const auto deadline = one->socket->next_deadline()) {
      next = next ? std::min(*next, *deadline) : *deadline;
    }
  }
  if (!next) {
    return for_ever;
  }
  // A day is as good as more, and fits.
  return std::clamp<std::chrono::milliseconds>(
      std::chrono::ceil<std::chrono::milliseconds>(*next - now), 0ms, 24h);
}

void zmq_socket_set::serve(time_point now) {
  for (station* one : unsettled_) {
    if (const auto deadline = one->socket->next_deadline();
        deadline && *deadline <= now) {
      make_due(*one);
      one->has_signals = true;
    }
  }
  for (station* one : std::exchange(due_, {})) {
    one->is_due = false;
    serve(*one, now);
  }
  sweep();
  reporter_.retry();
}

void zmq_socket_set::serve(station& one, time_point now) {
  const bool has_signals = std::exchange(one.has_signals, false);
  const auto drained = one.socket->read();
  if (!drained && drained.error().code == errc::closed) {
    is_closed_ = true;
    return;
  }
  if (!drained) {
    one.socket->abandon(to_string(drained.error()), report_);
    stir(one);
    return;
  }
  if (!*drained) {
    make_due(one);
  }
  if (!has_signals) {
    return;
  }
  one.socket->update(now, report_);
  // It may have heard of messages meanwhile.
  make_due(one);
  if (one.socket->next_deadline() || one.socket->is_idle()) {
    unsettle(one);
  } else if (one.is_unsettled) {
    one.is_unsettled = false;
    std::erase(unsettled_, &one);
  }
}

/// Sockets without a peer go; they are unsettled.
void zmq_socket_set::sweep() {
  if (std::none_of(unsettled_.begin(), unsettled_.end(),
                   [](const station* one) { return one->socket->is_idle(); })) {
    return;
  }
  for (auto& [id, stream] : streams_) {
    std::erase_if(stream.stations, [this](const auto& one) {
      if (!one->socket->is_idle()) {
        return false;
      }
      close(*one);
      return true;
    });
  }
}

} // namespace dynamo
