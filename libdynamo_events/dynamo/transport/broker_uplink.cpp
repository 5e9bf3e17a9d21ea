#include "dynamo/transport/broker_uplink.hpp"

#include "dynamo/transport/broker_socket.hpp"
#include "dynamo/transport/zmq_error.hpp"
#include "dynamo/wire/zmq_message.hpp"

#include <utility>

namespace dynamo {

namespace {

/// Subscriptions are heard in portions, as zmq_sender does.
constexpr int subscriptions_per_call_max = 1024;
/// A broker says nothing but subscriptions here.
constexpr std::int64_t incoming_bytes_max = 64 * 1024;
/// More than all subscribers of a deployment have together.
constexpr std::size_t prefixes_max = 65'536;

} // namespace

result<std::unique_ptr<broker_uplink>>
broker_uplink::open(zmq::context_t& sockets, const zmq_options& options,
                    const std::string& endpoint, std::uint64_t number) {
  if (const auto usable = check_broker_endpoint(endpoint); !usable) {
    return usable.error();
  }
  try {
    zmq::socket_t socket{sockets, zmq::socket_type::xpub};
    set_broker_socket(socket, options);
    socket.set(zmq::sockopt::linger, static_cast<int>(options.linger.count()));
    socket.set(zmq::sockopt::sndhwm, options.send_hwm);
    socket.set(zmq::sockopt::sndtimeo, 0);
    socket.set(zmq::sockopt::maxmsgsize, incoming_bytes_max);
    // A full queue is told instead of being dropped from.
    socket.set(zmq::sockopt::xpub_nodrop, true);
    // What waits for a broker that died would come when it is back, long after
    // the other brokers brought it; and its subscriptions end with it.
    socket.set(zmq::sockopt::immediate, true);
    std::unique_ptr<broker_uplink> opened{
        new broker_uplink{std::move(socket), endpoint}};
    auto monitor = peer_monitor::open(sockets, opened->socket_, number);
    if (!monitor) {
      return monitor.error();
    }
    opened->monitor_ = *std::move(monitor);
    opened->socket_.connect(endpoint);
    return opened;
  } catch (const zmq::error_t& failure) {
    return zmq_failure(failure.num(), "connect to the broker " + endpoint);
  }
}

broker_uplink::broker_uplink(zmq::socket_t socket, std::string endpoint)
    : socket_(std::move(socket)) {
  status_.endpoint = std::move(endpoint);
  status_.is_outgoing = true;
}

void broker_uplink::update() {
  while (const auto signal = monitor_->next()) {
    note_signal(*signal, status_);
  }
  hear_subscriptions();
}

void broker_uplink::hear_subscriptions() {
  try {
    for (int heard = 0; heard < subscriptions_per_call_max; ++heard) {
      zmq::message_t part;
      if (!socket_.recv(part, zmq::recv_flags::dontwait)) {
        return;
      }
      const std::string_view text = part.to_string_view();
      if (!text.empty() && text.front() == '\x01') {
        if (wanted_.size() < prefixes_max) {
          wanted_.add(text.substr(1));
        }
      } else if (!text.empty() && text.front() == '\x00') {
        wanted_.remove(text.substr(1));
      }
    }
  } catch (const zmq::error_t&) {
    // Only when the sockets are being closed.
    return;
  }
}

broker_uplink::outcome broker_uplink::send(const wire_message& message,
                                           std::string_view topic,
                                           zmq::message_t& frame) {
  const auto head = zmq_message_head_of(message);
  try {
    zmq::message_t last;
    last.copy(frame);
    const auto more = zmq::send_flags::dontwait | zmq::send_flags::sndmore;
    if (head && socket_.send(zmq::buffer(topic), more) &&
        socket_.send(zmq::buffer(head->publisher_id), more) &&
        socket_.send(zmq::buffer(head->sequence), more) &&
        socket_.send(last, zmq::send_flags::dontwait)) {
      ++status_.messages;
      status_.bytes += message.envelope.size();
      status_.is_full = false;
      return outcome::sent;
    }
  } catch (const zmq::error_t&) {
    // As if it were full: it is offered again, or its connection ends.
    status_.is_full = true;
    return outcome::full;
  }
  status_.is_full = true;
  return outcome::full;
}

} // namespace dynamo
