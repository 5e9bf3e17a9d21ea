#include "actors/publisher_wire.hpp"

#include "actors/messages.hpp"
#include "dynamo/events/scope_v1_3.hpp"

#include <tuple>

namespace dynamo::actors {

stream_name name_of(const publisher_plan& plan, const plane_options& options) {
  const auto& [owner, topic] = std::tie(plan.request.owner, plan.request.topic);
  if (plan.options.generation == wire_generation::v1_4) {
    return {topic, subject_of(owner, topic)};
  }
  // At brokers the subject stands in front of the message.
  return {topic, options.transport == transport_kind::zmq
                     ? topic
                     : subject_v1_3_of(owner, topic)};
}

payload_generation generation_of(const plane_options& options,
                                 wire_generation wanted) {
  if (wanted == wire_generation::v1_3) {
    return payload_generation::v1_3;
  }
  return options.transport == transport_kind::nats
             ? payload_generation::v1_4_nats
             : payload_generation::v1_4;
}

std::chrono::milliseconds repeat_window_of(const plane_options& options) {
  return has_shared_link(options) ? link_timing_of(options).repeat_window
                                  : std::chrono::milliseconds{0};
}

} // namespace dynamo::actors
