#include "apps/app/link_json.hpp"

namespace dynamo::apps {

nlohmann::json link_json(const actors::plane_status& plane) {
  if (!plane.link) {
    return {};
  }
  const actors::link_status& link = *plane.link;
  return {{"wanted", link.is_wanted},
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
}

} // namespace dynamo::apps
