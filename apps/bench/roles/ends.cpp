#include "apps/bench/roles/ends.hpp"

#include "apps/bench/roles/plane_ends.hpp"
#include "apps/bench/roles/raw_nats.hpp"
#include "apps/bench/roles/raw_zmq.hpp"

#include <utility>

namespace dynamo::apps {

scope bench_scope() {
  return scope::of_component("bench", "bench");
}

scope bench_endpoint() {
  return scope::of_endpoint("bench", "bench", "generate");
}

void outlets::run(const std::function<bool()>& step) {
  while (step()) {
  }
}

result<std::unique_ptr<outlets>> open_outlets(const end_request& wanted) {
  if (wanted.kind == end_kind::plane) {
    return open_plane_outlets(wanted);
  }
  return wanted.transport == transport_kind::nats
             ? open_raw_nats_outlets(wanted)
             : open_raw_zmq_outlets(wanted);
}

result<std::unique_ptr<inlet>> open_inlet(const end_request& wanted,
                                          arrival_sink sink) {
  if (wanted.kind == end_kind::plane) {
    return open_plane_inlet(wanted, std::move(sink));
  }
  return wanted.transport == transport_kind::nats
             ? open_raw_nats_inlet(wanted, std::move(sink))
             : open_raw_zmq_inlet(wanted, std::move(sink));
}

} // namespace dynamo::apps
