#pragma once

#include "dynamo/transport/tcp_endpoint.hpp"
#include "dynamo/transport/zmq_broker.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "integration/zmq_fixture.hpp"

// A broker on loopback, and bare sockets of libzmq at both of its sides.

namespace dynamo::zmq_test {

inline broker_options loopback_broker() {
  broker_options options;
  options.xsub_bind = "tcp://127.0.0.1:*";
  options.xpub_bind = "tcp://127.0.0.1:0";
  return options;
}

inline std::unique_ptr<zmq_broker> started(const broker_options& options,
                                           const zmq_options& sockets = {}) {
  auto made = zmq_broker::start(options, sockets);
  REQUIRE(made);
  return *std::move(made);
}

/// A PUB that connects. As an XPUB it can wait until it is heard.
struct broker_publisher {
  zmq::context_t sockets;
  zmq::socket_t socket{sockets, zmq::socket_type::xpub};

  explicit broker_publisher(const zmq_broker& broker) {
    socket.set(zmq::sockopt::linger, 5000);
    socket.set(zmq::sockopt::sndhwm, 0);
    socket.set(zmq::sockopt::rcvtimeo, 10'000);
    socket.connect(broker.xsub_endpoint());
  }

  /// The next change of what subscribers want: 1 or 0, and the prefix.
  std::string heard() {
    zmq::message_t part;
    return socket.recv(part) ? part.to_string() : "nothing";
  }

  void send(const std::vector<std::string>& parts) {
    for (std::size_t at = 0; at < parts.size(); ++at) {
      socket.send(zmq::buffer(parts[at]), at + 1 < parts.size()
                                              ? zmq::send_flags::sndmore
                                              : zmq::send_flags::none);
    }
  }
};

struct broker_client {
  zmq::context_t sockets;
  zmq::socket_t socket{sockets, zmq::socket_type::sub};

  /// Keeps at most `hwm` messages, and little in the system's buffers.
  explicit broker_client(const zmq_broker& broker, const std::string& prefix,
                         int hwm = 0) {
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvhwm, hwm);
    if (hwm != 0) {
      socket.set(zmq::sockopt::rcvbuf, 4096);
    }
    socket.set(zmq::sockopt::rcvtimeo, 10'000);
    socket.set(zmq::sockopt::subscribe, prefix);
    socket.connect(broker.xpub_endpoint());
  }

  /// Empty when none comes.
  std::vector<std::string> receive() {
    std::vector<std::string> parts;
    for (zmq::message_t part; socket.recv(part);) {
      parts.push_back(part.to_string());
      if (!part.more()) {
        break;
      }
    }
    return parts;
  }
};

inline bool has_subscribers(const zmq_broker& broker, std::size_t count) {
  return eventually([&] { return broker.counts().subscribers == count; });
}

} // namespace dynamo::zmq_test
