#include "apps/app/link_json.hpp"

namespace dynamo::apps {

namespace {

nlohmann::json paths_json(const std::vector<path_status>& paths) {
  auto all = nlohmann::json::array();
  for (const path_status& one : paths) {
    all.push_back({{"endpoint", one.endpoint},
                   {"side", one.is_outgoing ? "xsub" : "xpub"},
                   {"connected", one.is_up},
                   {"reason", one.reason},
                   {"connects", one.connects},
                   {"losses", one.losses},
                   {"messages", one.messages},
                   {"bytes", one.bytes},
                   {"full", one.is_full},
                   {"refused", one.refused}});
  }
  return all;
}

} // namespace

nlohmann::json link_json(const actors::plane_status& plane) {
  if (!plane.link) {
    return {};
  }
  const actors::link_status& link = *plane.link;
  nlohmann::json told{{"wanted", link.is_wanted},
                      {"state", to_string(link.state)},
                      {"server", link.server},
                      {"reason", link.reason},
                      {"epoch", link.epoch},
                      {"open", link.is_open},
                      {"connects", link.counts.connects},
                      {"losses", link.counts.losses},
                      {"failures", link.counts.failures},
                      {"confirmed", link.counts.confirmed},
                      {"bytes", link.counts.bytes},
                      {"too_large", link.counts.too_large},
                      {"forbidden", link.counts.forbidden}};
  if (plane.transport == transport_kind::zmq) {
    told["duplicates"] = link.counts.duplicates;
    told["late"] = link.counts.late;
    told["recovered"] = link.counts.recovered;
    told["missing"] = link.counts.missing;
    told["brokers"] = paths_json(link.paths);
  }
  return told;
}

} // namespace dynamo::apps
