#include "dynamo/transport/zmq_sub_socket.hpp"

#include "dynamo/transport/zmq_error.hpp"

#include <algorithm>
#include <utility>

// Step 1 of the receive path: a message is taken off the socket.

namespace dynamo {

namespace {

using namespace std::chrono_literals;

/// Parts that one turn takes, 256 good messages. A bad message may have any
/// number and is then discarded over several turns.
constexpr std::size_t parts_per_turn = 256 * zmq_message_parts;

/// Longer than any process runs, and still within what libzmq can add up.
constexpr int never_ms = 24 * 3600 * 1000;

/// What libzmq had read when a connection ended is handed on within
/// microseconds after the signal.
constexpr auto tail_delay = 20ms;
/// What a lost peer has left behind is finite, but may share the socket with
/// peers that never pause.
constexpr auto lost_tail_max = 10s;
/// A peer that is left on purpose may never stop sending.
constexpr auto left_tail_max = 1s;

/// A socket that peers leave and join is given up after so many of them.
constexpr std::size_t peers_per_place_max = 4;

} // namespace

result<std::unique_ptr<zmq_sub_socket>>
zmq_sub_socket::open(zmq::context_t& sockets, const zmq_options& options,
                     message_intake& intake, ip_family family,
                     std::uint64_t number) {
  try {
    zmq::socket_t socket{sockets, zmq::socket_type::sub};
    const int timeout_ms = static_cast<int>(options.connect_timeout.count());
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::ipv6, family == ip_family::v6);
    socket.set(zmq::sockopt::rcvhwm, options.receive_hwm);
    socket.set(zmq::sockopt::maxmsgsize,
               static_cast<std::int64_t>(options.message_bytes_max));
    socket.set(zmq::sockopt::tcp_keepalive, 1);
    socket.set(zmq::sockopt::connect_timeout, timeout_ms);
    socket.set(zmq::sockopt::handshake_ivl, timeout_ms);
    socket.set(zmq::sockopt::reconnect_ivl, never_ms);
    socket.set(zmq::sockopt::subscribe, intake.target().name->topic);

    std::unique_ptr<zmq_sub_socket> opened{
        new zmq_sub_socket{std::move(socket), options, intake, family}};
    auto monitor = peer_monitor::open(sockets, opened->socket_, number);
    if (!monitor) {
      return monitor.error();
    }
    opened->monitor_ = *std::move(monitor);
    return opened;
  } catch (const zmq::error_t& failure) {
    return zmq_failure(failure.num(), "open a SUB socket");
  }
}

zmq_sub_socket::zmq_sub_socket(zmq::socket_t socket, const zmq_options& options,
                               message_intake& intake, ip_family family)
    : socket_(std::move(socket))
    , options_(options)
    , intake_(intake)
    , family_(family) {}

zmq_sub_socket::~zmq_sub_socket() = default;

bool zmq_sub_socket::has_room_for(const tcp_endpoint& endpoint) const {
  const std::size_t places = options_.endpoints_per_socket;
  return endpoint.host.family == family_ && links_.size() < places &&
         used_.size() < places * peers_per_place_max &&
         std::find(used_.begin(), used_.end(), to_string(endpoint)) ==
             used_.end();
}

status zmq_sub_socket::connect(const peer& remote, const tcp_endpoint& endpoint,
                               time_point now) {
  try {
    const std::string text = to_string(endpoint);
    socket_.connect(text);
    used_.push_back(text);
    links_.push_back({remote,
                      text,
                      phase::connecting,
                      now + options_.connect_timeout,
                      {},
                      {}});
    return ok();
  } catch (const zmq::error_t& failure) {
    return zmq_failure(failure.num(), "connect to " + remote.endpoint);
  }
}

bool zmq_sub_socket::disconnect(std::uint64_t publisher_id, time_point now) {
  bool found = false;
  for (link& one : links_) {
    if (one.remote.publisher_id != publisher_id) {
      continue;
    }
    found = true;
    if (one.at == phase::leaving) {
      one.ending.reset();
      continue;
    }
    leave(one, std::nullopt, now);
  }
  return found;
}

result<bool> zmq_sub_socket::read() {
  const status taken = take_parts();
  intake_.flush();
  if (!taken) {
    return taken.error();
  }
  return drained_;
}

status zmq_sub_socket::take_parts() {
  drained_ = true;
  try {
    for (std::size_t taken = 0; taken < parts_per_turn; ++taken) {
      zmq::message_t excess;
      zmq::message_t& part =
          parts_come_ < parts_.size() ? parts_[parts_come_] : excess;
      if (!socket_.recv(part, zmq::recv_flags::dontwait)) {
        return ok();
      }
      ++parts_come_;
      if (!part.more()) {
        take_message();
        forget_message();
      }
    }
    drained_ = false;
    return ok();
  } catch (const zmq::error_t& failure) {
    return zmq_failure(failure.num(), "read a SUB socket");
  }
}

void zmq_sub_socket::take_message() {
  // One view more than a message has, so that one with too many parts is
  // seen as such.
  std::array<byte_view, zmq_message_parts + 1> views;
  for (std::size_t at = 0; at < std::min(parts_come_, parts_.size()); ++at) {
    views[at] = {parts_[at].data<std::uint8_t>(), parts_[at].size()};
  }
  const auto message =
      intake_.check({views.data(), std::min(parts_come_, views.size())});
  if (!message) {
    return;
  }
  const bool known =
      std::any_of(links_.begin(), links_.end(), [&message](const link& one) {
        return one.remote.publisher_id == message->publisher_id;
      });
  if (known) {
    intake_.take(*message);
  } else {
    intake_.refuse_identity();
  }
}

void zmq_sub_socket::forget_message() {
  // A large part would stay in memory until the next message comes.
  for (zmq::message_t& part : parts_) {
    part.rebuild();
  }
  parts_come_ = 0;
}

void zmq_sub_socket::abandon(const std::string& reason,
                             const change_sink& report) {
  for (const link& one : links_) {
    if (one.at != phase::leaving) {
      report(change_of(one, connection_state::lost, reason));
    } else if (one.ending) {
      report(*one.ending);
    }
  }
  links_.clear();
}

void zmq_sub_socket::update(time_point now, const change_sink& report) {
  while (const auto signal = monitor_->next()) {
    on_signal(*signal, now, report);
  }
  for (link& one : links_) {
    if (one.at == phase::connecting && one.deadline <= now) {
      leave(one,
            change_of(one, connection_state::failed,
                      "no answer within " +
                          std::to_string(options_.connect_timeout.count()) +
                          " ms"),
            now);
    }
  }
  for (std::size_t at = 0; at < links_.size();) {
    if (!is_over(links_[at], now)) {
      ++at;
      continue;
    }
    const link over = std::move(links_[at]);
    links_.erase(links_.begin() + static_cast<std::ptrdiff_t>(at));
    remove(over);
    if (over.ending) {
      report(*over.ending);
    }
  }
}

void zmq_sub_socket::on_signal(const peer_signal& signal, time_point now,
                               const change_sink& report) {
  link* const one = link_of(signal.endpoint);
  if (one == nullptr || one->at == phase::leaving) {
    return;
  }
  if (signal.what == peer_signal::kind::connected) {
    one->at = phase::connected;
    report(change_of(*one, connection_state::connected, {}));
    return;
  }
  const auto state = one->at == phase::connected ? connection_state::lost
                                                 : connection_state::failed;
  leave(*one, change_of(*one, state, signal.reason), now);
}

zmq_sub_socket::link* zmq_sub_socket::link_of(const std::string& endpoint) {
  if (used_.size() == 1) {
    // All signals are of the one peer, however libzmq spells its endpoint.
    return links_.empty() ? nullptr : &links_.front();
  }
  const auto parsed = parse_tcp_endpoint(endpoint);
  const std::string canonical = parsed ? to_string(*parsed) : endpoint;
  const auto found =
      std::find_if(links_.begin(), links_.end(), [&canonical](const link& one) {
        return one.endpoint == canonical;
      });
  return found == links_.end() ? nullptr : &*found;
}

void zmq_sub_socket::leave(link& one, std::optional<connection_change> ending,
                           time_point now) {
  const bool has_tail = one.at == phase::connected;
  const clock::duration tail_max = ending ? lost_tail_max : left_tail_max;
  one.at = phase::leaving;
  one.earliest = has_tail && ending ? now + tail_delay : now;
  one.deadline = has_tail ? now + tail_max : now;
  one.ending = std::move(ending);
}

bool zmq_sub_socket::is_over(const link& one, time_point now) const {
  if (one.at != phase::leaving) {
    return false;
  }
  return one.deadline <= now || (drained_ && one.earliest <= now);
}

void zmq_sub_socket::remove(const link& one) {
  if (links_.empty()) {
    // The owner destroys the socket, and with it the connection.
    return;
  }
  try {
    socket_.disconnect(one.endpoint);
  } catch (const zmq::error_t&) {
    // libzmq forgets an endpoint by itself when its peer broke the protocol.
    return;
  }
}

std::optional<zmq_sub_socket::time_point>
zmq_sub_socket::next_deadline() const {
  std::optional<time_point> next;
  for (const link& one : links_) {
    if (one.at == phase::connected) {
      continue;
    }
    const time_point deadline =
        one.at == phase::leaving ? one.earliest : one.deadline;
    next = next ? std::min(*next, deadline) : deadline;
  }
  return next;
}

connection_change zmq_sub_socket::change_of(const link& one,
                                            connection_state state,
                                            std::string reason) const {
  return {intake_.target().id, one.remote, state, std::move(reason)};
}

} // namespace dynamo
