#include "dynamo/transport/zmq_socket_set.hpp"

#include "dynamo/transport/zmq_error.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

using namespace std::chrono_literals;

/// Changes that found the inbox full are offered again this often.
constexpr auto retry_interval = 50ms;
/// Nothing is due: sleep until something comes.
constexpr auto for_ever = -1ms;

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

void zmq_socket_set::report_to(std::shared_ptr<connection_inbox> changes,
                               std::function<void()> wake) {
  reporter_.report_to(std::move(changes), std::move(wake));
}

void zmq_socket_set::subscribe(subscription wanted) {
  const subscription_id id = wanted.id;
  streams_.emplace(id, stream{{std::move(wanted), counters_}, {}});
}

void zmq_socket_set::unsubscribe(subscription_id id) {
  streams_.erase(id);
  reporter_.forget(id);
  items_valid_ = false;
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
  for (const auto& socket : from.sockets) {
    socket->disconnect(publisher_id, now);
  }
}

status zmq_socket_set::connect(stream& to, const peer& remote, time_point now) {
  const auto endpoint = parse_tcp_endpoint(remote.endpoint);
  if (!endpoint) {
    return endpoint.error();
  }
  const auto socket = socket_for(to, *endpoint);
  if (!socket) {
    return socket.error();
  }
  return (*socket)->connect(remote, *endpoint, now);
}

result<zmq_sub_socket*>
zmq_socket_set::socket_for(stream& to, const tcp_endpoint& endpoint) {
  const auto roomy = std::find_if(
      to.sockets.begin(), to.sockets.end(),
      [&endpoint](const auto& one) { return one->has_room_for(endpoint); });
  if (roomy != to.sockets.end()) {
    return roomy->get();
  }
  auto opened = zmq_sub_socket::open(sockets_, options_, to.intake,
                                     endpoint.host.family, ++sockets_made_);
  if (!opened) {
    return opened.error();
  }
  to.sockets.push_back(*std::move(opened));
  items_valid_ = false;
  return to.sockets.back().get();
}

status zmq_socket_set::wait(const descriptors& others, time_point now) {
  if (!items_valid_) {
    list_items(others);
  }
  try {
    zmq::poll(items_, timeout(now));
    return ok();
  } catch (const zmq::error_t& failure) {
    return failure.num() == EINTR ? ok() : zmq_failure(failure.num(), "poll");
  }
}

void zmq_socket_set::list_items(const descriptors& others) {
  items_.clear();
  polled_.clear();
  for (const int descriptor : others) {
    items_.push_back({nullptr, descriptor, ZMQ_POLLIN, 0});
  }
  for (auto& [id, one] : streams_) {
    for (const auto& socket : one.sockets) {
      polled_.push_back(socket.get());
      items_.push_back({socket->messages().handle(), 0, ZMQ_POLLIN, 0});
      items_.push_back({socket->signals().handle(), 0, ZMQ_POLLIN, 0});
    }
  }
  items_valid_ = true;
}

std::chrono::milliseconds zmq_socket_set::timeout(time_point now) const {
  std::optional<time_point> next;
  if (reporter_.has_kept()) {
    next = now + retry_interval;
  }
  for (const zmq_sub_socket* socket : polled_) {
    if (const auto deadline = socket->next_deadline()) {
      next = next ? std::min(*next, *deadline) : *deadline;
    }
  }
  if (!next) {
    return for_ever;
  }
  return std::max(0ms,
                  std::chrono::ceil<std::chrono::milliseconds>(*next - now));
}

void zmq_socket_set::serve(time_point now) {
  for (std::size_t at = 0; at < polled_.size(); ++at) {
    const zmq::pollitem_t* items = &items_[descriptors{}.size() + 2 * at];
    const bool readable = (items[0].revents & ZMQ_POLLIN) != 0;
    const bool has_signals = (items[1].revents & ZMQ_POLLIN) != 0;
    serve(*polled_[at], readable, has_signals, now);
  }
  sweep();
  reporter_.retry();
}

void zmq_socket_set::serve(zmq_sub_socket& socket, bool readable,
                           bool has_signals, time_point now) {
  if (const status taken = socket.read(readable); !taken) {
    socket.abandon(to_string(taken.error()), report_);
    return;
  }
  const auto deadline = socket.next_deadline();
  if (has_signals || (deadline && *deadline <= now)) {
    socket.update(now, report_);
  }
}

void zmq_socket_set::sweep() {
  for (auto& [id, one] : streams_) {
    const std::size_t gone = std::erase_if(
        one.sockets, [](const auto& socket) { return socket->is_idle(); });
    items_valid_ = items_valid_ && gone == 0;
  }
}

} // namespace dynamo
