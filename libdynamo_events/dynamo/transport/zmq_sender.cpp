#include "dynamo/transport/zmq_sender.hpp"

#include "dynamo/transport/tcp_endpoint.hpp"
#include "dynamo/transport/zmq_error.hpp"
#include "dynamo/wire/zmq_message.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <utility>

// Steps 5 and 6 of the publish path: frame and four parts, then a send that
// never waits.

namespace dynamo {

namespace {

/// Subscriptions are heard in portions, so that a flood of them cannot hold
/// the publisher.
constexpr int subscriptions_per_call_max = 1024;
/// A subscriber sends nothing but topics; whoever sends more is cut off.
constexpr std::int64_t incoming_bytes_max = 64 * 1024;

std::string bind_host(const zmq_options& options, const ip_address& host) {
  if (options.bind == "*") {
    return host.family == ip_family::v6 ? "[::]" : "*";
  }
  const auto literal = parse_ip_address(options.bind);
  return literal ? bracketed(*literal) : options.bind;
}

int bind_errno(zmq::socket_t& socket, const std::string& endpoint) {
  return zmq_bind(socket.handle(), endpoint.c_str()) == 0 ? 0 : zmq_errno();
}

status bind_configured(zmq::socket_t& socket, const std::string& host,
                       const zmq_options& options) {
  if (options.port_first == 0) {
    const std::string endpoint = "tcp://" + host + ":*";
    const int failure = bind_errno(socket, endpoint);
    return failure == 0 ? ok() : zmq_failure(failure, "bind " + endpoint);
  }
  const int last = std::max(options.port_first, options.port_last);
  for (int port = options.port_first; port <= last; ++port) {
    const std::string endpoint = "tcp://" + host + ":" + std::to_string(port);
    const int failure = bind_errno(socket, endpoint);
    if (failure == 0) {
      return ok();
    }
    if (failure != EADDRINUSE) {
      return zmq_failure(failure, "bind " + endpoint);
    }
  }
  return error{errc::unavailable, "bind tcp://" + host + ": no port from " +
                                      std::to_string(options.port_first) +
                                      " to " + std::to_string(last) +
                                      " is free"};
}

result<std::uint16_t> bound_port(const std::string& last_endpoint) {
  const char* end = last_endpoint.data() + last_endpoint.size();
  const char* digits = last_endpoint.data() + last_endpoint.rfind(':') + 1;
  std::uint16_t port = 0;
  const auto [rest, failure] = std::from_chars(digits, end, port);
  if (failure != std::errc{} || rest != end) {
    return error{errc::io, "bind: no port in '" + last_endpoint + "'"};
  }
  return port;
}

} // namespace

result<std::unique_ptr<sender>> zmq_sender::open(zmq::context_t& sockets,
                                                 const zmq_options& options,
                                                 const ip_address& host,
                                                 subscription_watch& watch,
                                                 const sender_request& wanted) {
  assert(wanted.name != nullptr);
  try {
    zmq::socket_t socket{sockets, zmq::socket_type::xpub};
    const std::string where = bind_host(options, host);
    socket.set(zmq::sockopt::linger, static_cast<int>(options.linger.count()));
    socket.set(zmq::sockopt::sndhwm, options.send_hwm);
    socket.set(zmq::sockopt::sndtimeo, 0);
    socket.set(zmq::sockopt::ipv6, where.front() == '[');
    socket.set(zmq::sockopt::maxmsgsize, incoming_bytes_max);
    socket.set(zmq::sockopt::xpub_verboser, true);
    if (const status bound = bind_configured(socket, where, options); !bound) {
      return bound.error();
    }
    const auto port = bound_port(socket.get(zmq::sockopt::last_endpoint));
    if (!port) {
      return port.error();
    }
    const int descriptor = socket.get(zmq::sockopt::fd);
    if (const status watched = watch.add(descriptor, wanted.publisher_id);
        !watched) {
      return watched.error();
    }
    return std::unique_ptr<sender>{new zmq_sender{
        std::move(socket), to_string(tcp_endpoint{host, *port}), wanted.name}};
  } catch (const zmq::error_t& failure) {
    return zmq_failure(failure.num(), "open a PUB socket");
  }
}

zmq_sender::zmq_sender(zmq::socket_t socket, std::string endpoint,
                       std::shared_ptr<const stream_name> name)
    : socket_(std::move(socket))
    , endpoint_(std::move(endpoint))
    , name_(std::move(name)) {}

send_outcome zmq_sender::send(const wire_message& message) {
  // Subscriptions are heard when the watch saw some; until there is one, it may
  // be here already.
  if (subscribers_ == 0) {
    hear_subscriptions();
  }
  // It is sent even when nobody is counted: what a peer says about its
  // subscriptions must not be able to silence a stream for the others.
  if (!send_parts(message)) {
    ++counts_.refused;
    return send_outcome::refused;
  }
  if (subscribers_ == 0) {
    ++counts_.unheard;
    return send_outcome::unheard;
  }
  ++counts_.sent;
  counts_.bytes += message.envelope.size();
  return send_outcome::sent;
}

bool zmq_sender::send_parts(const wire_message& message) {
  const auto head = zmq_message_head_of(message);
  if (!head) {
    return false;
  }
  try {
    zmq::message_t frame{frame_size_bytes(message)};
    store_frame(*head, message, {frame.data<std::uint8_t>(), frame.size()});
    const auto more = zmq::send_flags::dontwait | zmq::send_flags::sndmore;
    const std::string_view topic = zmq_topic_of(*name_, zmq_topic_form::topic);
    return socket_.send(zmq::buffer(topic), more) &&
           socket_.send(zmq::buffer(head->publisher_id), more) &&
           socket_.send(zmq::buffer(head->sequence), more) &&
           socket_.send(frame, zmq::send_flags::dontwait);
  } catch (const zmq::error_t&) {
    return false;
  }
}

std::optional<std::size_t> zmq_sender::subscribers() {
  hear_subscriptions();
  return subscribers_;
}

void zmq_sender::hear_subscriptions() {
  try {
    for (int heard = 0; heard < subscriptions_per_call_max; ++heard) {
      zmq::message_t part;
      if (!socket_.recv(part, zmq::recv_flags::dontwait)) {
        return;
      }
      if (!in_message_) {
        count_subscription(part);
      }
      in_message_ = part.more();
    }
  } catch (const zmq::error_t&) {
    // Only when the sockets are being closed; the count does not matter then.
    return;
  }
}

/// A subscription is a message of one byte, 1 to begin and 0 to end, and the
/// prefix that topics must have.
void zmq_sender::count_subscription(const zmq::message_t& message) {
  const std::string_view text = message.to_string_view();
  if (text.empty() || !name_->topic.starts_with(text.substr(1))) {
    return;
  }
  if (text.front() == '\x01') {
    ++subscribers_;
  } else if (text.front() == '\x00' && subscribers_ > 0) {
    --subscribers_;
  }
}

} // namespace dynamo
