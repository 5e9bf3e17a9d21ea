#include "dynamo/transport/peer_monitor.hpp"

#include "dynamo/transport/zmq_error.hpp"

#include <cstring>

namespace dynamo {

namespace {

constexpr int handshake_failures = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                   ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                   ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr int watched_events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                               ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED |
                               handshake_failures;

/// Part 0 of a report: u16 event, u32 value, both in the machine's order.
constexpr std::size_t report_size = 6;

std::string handshake_reason(std::uint16_t event, std::uint32_t value) {
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
    return std::string{"handshake failed: "} +
           zmq_strerror(static_cast<int>(value));
  }
  return "handshake failed: the peer does not speak the protocol";
}

std::optional<peer_signal> signal_of(std::uint16_t event, std::uint32_t value,
                                     std::string endpoint) {
  using kind = peer_signal::kind;
  switch (event) {
  case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
    return peer_signal{kind::connected, std::move(endpoint), {}};
  case ZMQ_EVENT_DISCONNECTED:
    return peer_signal{kind::disconnected, std::move(endpoint),
                       "the connection ended"};
  case ZMQ_EVENT_CLOSED:
    return peer_signal{kind::refused, std::move(endpoint),
                       "the connection was refused or timed out"};
  default:
    if ((event & handshake_failures) != 0) {
      return peer_signal{kind::handshake_failed, std::move(endpoint),
                         handshake_reason(event, value)};
    }
    return std::nullopt;
  }
}

} // namespace

result<std::unique_ptr<peer_monitor>>
peer_monitor::open(zmq::context_t& sockets, zmq::socket_t& watched,
                   std::uint64_t number) {
  try {
    // A name is free again only some time after its socket was closed, hence
    // the number.
    const std::string endpoint =
        "inproc://dynamo-monitor-" + std::to_string(number);
    if (zmq_socket_monitor(watched.handle(), endpoint.c_str(),
                           watched_events) != 0) {
      return zmq_failure(zmq_errno(), "watch a socket");
    }
    std::unique_ptr<peer_monitor> monitor{
        new peer_monitor{watched, zmq::socket_t{}}};
    zmq::socket_t signals{sockets, zmq::socket_type::pair};
    signals.set(zmq::sockopt::linger, 0);
    // Without a limit, since at a limit libzmq's own thread would wait for
    // us; a connection that is not retried has less than ten events.
    signals.set(zmq::sockopt::rcvhwm, 0);
    signals.connect(endpoint);
    monitor->signals_ = std::move(signals);
    return monitor;
  } catch (const zmq::error_t& failure) {
    return zmq_failure(failure.num(), "watch a socket");
  }
}

peer_monitor::~peer_monitor() {
  zmq_socket_monitor(watched_.handle(), nullptr, 0);
}

std::optional<peer_signal> peer_monitor::next() {
  try {
    while (true) {
      zmq::message_t report;
      zmq::message_t endpoint;
      if (!signals_.recv(report, zmq::recv_flags::dontwait) || !report.more() ||
          !signals_.recv(endpoint, zmq::recv_flags::dontwait) ||
          report.size() != report_size) {
        return std::nullopt;
      }
      std::uint16_t event = 0;
      std::uint32_t value = 0;
      std::memcpy(&event, report.data(), sizeof event);
      std::memcpy(&value, report.data<char>() + sizeof event, sizeof value);
      if (auto signal = signal_of(event, value, endpoint.to_string())) {
        return signal;
      }
    }
  } catch (const zmq::error_t&) {
    // Only when the sockets are being closed.
    return std::nullopt;
  }
}

} // namespace dynamo
