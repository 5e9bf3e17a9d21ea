#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/transport/broker_counts.hpp"

#include <memory>
#include <string>

namespace dynamo {

/// Passes messages from the publishers that connect to one socket on to the
/// subscribers that connect to another, and their subscriptions back, on a
/// thread of its own. What the messages are does not matter to it.
///
/// A subscriber whose queue is full makes all wait for at most
/// broker_options::wait_max. If it is full then still, it alone misses
/// messages, each is counted, and it is not waited for again until it has
/// caught up. Thread-safe.
class zmq_broker {
 public:
  /// Binds both sockets and starts the thread. errc::invalid for addresses
  /// that are none, errc::unavailable for one that cannot be bound, errc::io
  /// when the system lacks something.
  static result<std::unique_ptr<zmq_broker>>
  start(const broker_options& options, const zmq_options& sockets);

  /// Stops as stop() does.
  ~zmq_broker();
  zmq_broker(const zmq_broker&) = delete;
  zmq_broker& operator=(const zmq_broker&) = delete;

  /// What was bound, with the ports that the system chose:
  /// "tcp://0.0.0.0:40123".
  const std::string& xsub_endpoint() const;
  const std::string& xpub_endpoint() const;

  broker_counts counts() const;

  /// Passes on what has arrived, for at most zmq_options::linger, closes the
  /// sockets and joins the thread. Later calls do nothing.
  void stop();

 private:
  class implementation;

  explicit zmq_broker(std::unique_ptr<implementation> parts);

  std::unique_ptr<implementation> parts_;
};

} // namespace dynamo
