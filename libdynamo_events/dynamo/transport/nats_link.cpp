#include "dynamo/transport/nats_link.hpp"

#include "dynamo/transport/nats_client.hpp"
#include "dynamo/transport/signal_shield.hpp"

#include <utility>

namespace dynamo {

result<std::unique_ptr<shared_link>>
make_nats_link(const nats_options& options) {
  // The library starts threads of its own when it is first used.
  const signal_shield shield;
  auto settings = nats_settings::make(options);
  if (!settings) {
    return settings.error();
  }
  return nats_client::start(*std::move(settings));
}

result<std::vector<std::string>> parse_nats_servers(std::string_view list) {
  const auto servers = parse_nats_server_list(list);
  if (!servers) {
    return servers.error();
  }
  std::vector<std::string> urls;
  for (const nats_server& server : *servers) {
    urls.push_back(server.url());
  }
  return urls;
}

} // namespace dynamo
