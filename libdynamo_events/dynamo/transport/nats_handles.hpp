#pragma once

#include <nats/nats.h>

#include <memory>

namespace dynamo {

/// Gives the objects of cnats an owner.
struct nats_deleter {
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
  void operator()(natsConnection* connection) const {
    natsConnection_Destroy(connection);
  }
  void operator()(natsSubscription* subscription) const {
    natsSubscription_Destroy(subscription);
  }
  void operator()(natsMsg* message) const { natsMsg_Destroy(message); }
};

using nats_options_handle = std::unique_ptr<natsOptions, nats_deleter>;
using nats_connection_handle = std::unique_ptr<natsConnection, nats_deleter>;
using nats_subscription_handle =
    std::unique_ptr<natsSubscription, nats_deleter>;
using nats_message_handle = std::unique_ptr<natsMsg, nats_deleter>;

} // namespace dynamo
