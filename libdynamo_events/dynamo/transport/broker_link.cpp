#include "dynamo/transport/broker_link.hpp"

#include "dynamo/transport/broker_client.hpp"

#include <utility>

namespace dynamo {

result<std::unique_ptr<broker_link>>
make_broker_link(const zmq_options& options) {
  broker_endpoints brokers;
  if (!options.broker.url.empty()) {
    auto listed = parse_broker_url(options.broker.url);
    if (!listed) {
      return error{listed.error().code,
                   "zmq.broker.url: " + listed.error().message};
    }
    brokers = *std::move(listed);
  }
  return broker_client::start(options, std::move(brokers));
}

} // namespace dynamo
