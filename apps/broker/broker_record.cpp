#include "apps/broker/broker_record.hpp"

#include "dynamo/transport/tcp_endpoint.hpp"

#include <utility>

namespace dynamo::apps {

namespace {

constexpr const char* component = "zmq_broker";
constexpr const char* topic = "broker";

result<std::string>
reachable(const std::string& bound, const std::string& wanted,
          const std::vector<interface_address>& interfaces) {
  auto endpoint = parse_bind_endpoint(bound);
  if (!endpoint) {
    return endpoint.error();
  }
  if (is_unspecified(endpoint->host)) {
    const auto host = choose_advertised_host(wanted, interfaces);
    if (!host) {
      return host.error();
    }
    endpoint->host = *host;
  }
  return to_string(*endpoint);
}

} // namespace

const std::string& namespace_of(const options& settings) {
  return settings.broker.ns.empty() ? settings.deployment.ns
                                    : settings.broker.ns;
}

result<event_channel>
broker_record(const options& settings, const broker_endpoints& bound,
              const std::vector<interface_address>& interfaces,
              std::uint64_t publisher_id) {
  const std::string& wanted = settings.plane.zmq.host;
  auto xsub = reachable(bound.xsub, wanted, interfaces);
  if (!xsub) {
    return xsub.error();
  }
  auto xpub = reachable(bound.xpub, wanted, interfaces);
  if (!xpub) {
    return xpub.error();
  }
  return event_channel{
      scope::of_component(namespace_of(settings), component), topic,
      publisher_id, zmq_broker_address{{*std::move(xsub)}, {*std::move(xpub)}},
      settings.plane.publisher.generation};
}

} // namespace dynamo::apps
