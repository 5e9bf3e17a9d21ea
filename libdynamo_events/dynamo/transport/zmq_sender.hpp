#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/transport/ip_address.hpp"
#include "dynamo/transport/subscription_watch.hpp"
#include "dynamo/transport/transport.hpp"

#include <zmq.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace dynamo {

/// One bound socket of one publisher. It is an XPUB, which subscribers cannot
/// tell from Dynamo's PUB, because an XPUB hears who subscribes.
class zmq_sender final : public sender {
 public:
  /// Binds as `options` say and advertises `host`; `watch` sees when somebody
  /// subscribes. errc::unavailable when no port is free or no socket is left,
  /// errc::io for what else the system refuses.
  static result<std::unique_ptr<sender>> open(zmq::context_t& sockets,
                                              const zmq_options& options,
                                              const ip_address& host,
                                              subscription_watch& watch,
                                              const sender_request& wanted);

  send_outcome send(const wire_message& message) override;
  const std::string& endpoint() const override { return endpoint_; }
  /// Subscriptions that cover the topic; a subscriber with two counts twice.
  std::optional<std::size_t> subscribers() override;
  sender_counts counts() const override { return counts_; }

 private:
  zmq_sender(zmq::socket_t socket, std::string endpoint,
             std::shared_ptr<const stream_name> name);

  bool send_parts(const wire_message& message);
  void hear_subscriptions();
  void count_subscription(const zmq::message_t& message);

  zmq::socket_t socket_;
  std::string endpoint_;
  std::shared_ptr<const stream_name> name_;
  sender_counts counts_;
  std::size_t subscribers_ = 0;
  /// Whether the part that comes next continues a message.
  bool in_message_ = false;
};

} // namespace dynamo
