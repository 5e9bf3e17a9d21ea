#include "dynamo/events/event.hpp"

namespace dynamo {

namespace {

std::size_t size_of(const active_sequence_event& event) {
  std::size_t size = sizeof(active_sequence_event) + event.request_id.size();
  if (const auto* added = std::get_if<add_request>(&event.data)) {
    size += added->token_sequence
                ? added->token_sequence->size() * sizeof(std::uint64_t)
                : 0;
  }
  return size;
}

struct size_of_event {
  std::size_t operator()(const kv_events& events) const {
    std::size_t size = 0;
    for (const router_event& event : events) {
      size += sizeof(router_event) + block_count(event) * sizeof(kv_block) +
              event.state_source.size();
    }
    return size;
  }

  std::size_t operator()(const active_load&) const { return 0; }

  std::size_t operator()(const active_sequence_events& events) const {
    std::size_t size = 0;
    for (const active_sequence_event& event : events) {
      size += size_of(event);
    }
    return size;
  }

  std::size_t operator()(const session_affinity_update& update) const {
    return update.session_id.size();
  }

  std::size_t operator()(const forward_pass_metrics& pass) const {
    return pass.worker_id.size();
  }

  std::size_t operator()(const sequence_state& state) const {
    std::size_t size = 0;
    if (const auto* part = std::get_if<sequence_snapshot>(&state.data)) {
      for (const tracked_request& each : part->requests) {
        size += sizeof(tracked_request) + size_of(each.added);
      }
    }
    return size;
  }

  std::size_t operator()(const raw_event& raw) const {
    return raw.payload.size();
  }
};

} // namespace

std::size_t size_bytes(const event& value) {
  return sizeof(event) + std::visit(size_of_event{}, value);
}

} // namespace dynamo
