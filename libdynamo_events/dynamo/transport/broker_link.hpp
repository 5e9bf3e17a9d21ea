#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/transport/broker_url.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <memory>

namespace dynamo {

/// A process's connection to brokers of ZMQ (dynamo-broker, or any that joins
/// an XSUB and an XPUB). All publishers send to every broker, subscribers read
/// from every one, and what comes twice is dropped, so that a broker that dies
/// loses nothing while another lives.
///
/// It is connected while a broker takes messages and a broker brings some. It
/// connects again to each by itself: connect() only says by when a failure is
/// to be reported. A message counts as sent when at least one broker's queue
/// has it; while all queues are full it waits, and the publishers' buffers
/// fill.
class broker_link : public shared_link {
 public:
  /// From now on these are the brokers. Connections to those that are not among
  /// them any more are kept until they end: who says that a broker is gone may
  /// be wrong.
  virtual void use(broker_endpoints brokers) = 0;
};

/// `options.broker` says what to do; its url is read here, and errc::invalid
/// when it cannot be. Without one there are no brokers until use(). errc::io
/// when the system gives no thread or descriptor.
result<std::unique_ptr<broker_link>>
make_broker_link(const zmq_options& options);

} // namespace dynamo
