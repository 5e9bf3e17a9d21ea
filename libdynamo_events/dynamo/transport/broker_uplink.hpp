#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/transport/peer_monitor.hpp"
#include "dynamo/transport/prefix_set.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <zmq.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace dynamo {

/// The way of all publishers of a process to one broker: an XPUB that connects
/// to its XSUB, and so hears what the broker's subscribers want. Belongs to
/// the link's thread. libzmq connects again by itself.
class broker_uplink {
 public:
  enum class outcome {
    /// Handed over.
    sent,
    /// Not taken: the broker does not read, and as much waits for it as may.
    full,
  };

  /// `number` must never have been used before with these `sockets`.
  /// errc::invalid for an endpoint that libzmq does not take.
  static result<std::unique_ptr<broker_uplink>>
  open(zmq::context_t& sockets, const zmq_options& options,
       const std::string& endpoint, std::uint64_t number);

  /// Takes what the socket says: connections and subscriptions.
  void update();

  bool is_up() const { return status_.is_up; }
  /// Whether somebody behind the broker is subscribed to it.
  bool covers(std::string_view subject) const {
    return is_up() && wanted_.covers(subject);
  }

  /// `frame` is part 3 of the message, and copied without its bytes.
  outcome send(const wire_message& message, std::string_view topic,
               zmq::message_t& frame);

  void count_refusal() { ++status_.refused; }

  const path_status& status() const { return status_; }
  zmq::socket_t& socket() { return socket_; }
  zmq::socket_t& signals() { return monitor_->socket(); }

 private:
  broker_uplink(zmq::socket_t socket, std::string endpoint);

  void hear_subscriptions();

  zmq::socket_t socket_;
  // After the socket, so that it is gone before.
  std::unique_ptr<peer_monitor> monitor_;
  prefix_set wanted_;
  path_status status_;
};

} // namespace dynamo
