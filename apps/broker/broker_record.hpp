#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/discovery/record.hpp"
#include "dynamo/transport/advertised_host.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dynamo::apps {

/// What a broker has bound: "tcp://0.0.0.0:5555".
struct broker_endpoints {
  std::string xsub;
  std::string xpub;
};

/// The namespace whose processes find the broker.
const std::string& namespace_of(const options& settings);

/// The record by which they do. In place of a wildcard stands the host that
/// `zmq.host` says or that is found among `interfaces`; errc::invalid as
/// choose_advertised_host.
result<event_channel>
broker_record(const options& settings, const broker_endpoints& bound,
              const std::vector<interface_address>& interfaces,
              std::uint64_t publisher_id);

} // namespace dynamo::apps
