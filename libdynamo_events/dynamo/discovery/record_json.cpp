#include "dynamo/discovery/json_text.hpp"
#include "dynamo/discovery/record.hpp"

namespace dynamo {

namespace {

/// ,"name":"text"
std::string member(std::string_view name, std::string_view text) {
  std::string written = ",\"";
  return written.append(name).append("\":").append(json_quote(text));
}

std::string member(std::string_view name, std::uint64_t number) {
  std::string written = ",\"";
  return written.append(name).append("\":").append(std::to_string(number));
}

/// JSON text of the caller's as a member.
std::string embedded(std::string_view name, std::string_view json) {
  std::string written = ",\"";
  return written.append(name).append("\":").append(is_json(json) ? json
                                                                 : "null");
}

std::string endpoint_id(const scope& owner) {
  return "{\"namespace\":" + json_quote(owner.ns) +
         member("component", owner.component) + member("name", owner.endpoint) +
         '}';
}

std::string written(const scope& owner) {
  switch (owner.kind) {
  case scope_kind::namespace_:
    return "{\"kind\":\"namespace\"" + member("name", owner.ns) + '}';
  case scope_kind::component:
    return "{\"kind\":\"component\"" + member("namespace", owner.ns) +
           member("component", owner.component) + '}';
  case scope_kind::endpoint:
    return "{\"kind\":\"endpoint\",\"endpoint\":" + endpoint_id(owner) + '}';
  }
  return "null";
}

std::string written(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) {
    list += (list.size() > 1 ? "," : "") + json_quote(text);
  }
  return list + ']';
}

std::string address(std::string_view kind, const std::string& config) {
  return ",\"transport\":{\"kind\":" + json_quote(kind) + ",\"config\":{" +
         config + "}}";
}

struct address_writer {
  std::string operator()(const nats_address& v) const {
    return address("Nats",
                   "\"subject_prefix\":" + json_quote(v.subject_prefix));
  }
  std::string operator()(const zmq_address& v) const {
    return address("Zmq", "\"endpoint\":" + json_quote(v.endpoint));
  }
  std::string operator()(const zmq_broker_address& v) const {
    return address("ZmqBroker",
                   "\"xsub_endpoints\":" + written(v.xsub_endpoints) +
                       ",\"xpub_endpoints\":" + written(v.xpub_endpoints));
  }
};

struct record_writer {
  std::string operator()(const event_channel& v) const {
    const std::string owner = v.generation == wire_generation::v1_3
                                  ? member("namespace", v.owner.ns) +
                                        member("component", v.owner.component)
                                  : ",\"scope\":" + written(v.owner);
    return "{\"type\":\"EventChannel\"" + owner + member("topic", v.topic) +
           member("instance_id", v.publisher_id) +
           std::visit(address_writer{}, v.address) + '}';
  }
  std::string operator()(const event_source& v) const {
    return "{\"type\":\"EventSource\",\"scope\":" + written(v.owner) +
           member("topic", v.topic) + member("publisher_id", v.publisher_id) +
           embedded("metadata", v.metadata) + '}';
  }
  std::string operator()(const endpoint_instance& v) const {
    std::string text =
        "{\"type\":\"Endpoint\"" + member("component", v.component) +
        member("endpoint", v.endpoint) + member("namespace", v.ns) +
        member("instance_id", v.instance_id) +
        embedded("transport", v.transport);
    if (!v.device_type.empty()) {
      text += member("device_type", v.device_type);
    }
    if (!v.request_plane_codec.empty()) {
      text += member("request_plane_codec", v.request_plane_codec);
    }
    return text + '}';
  }
  std::string operator()(const model_card& v) const {
    std::string text =
        "{\"type\":\"Model\"" + member("namespace", v.ns) +
        member("component", v.component) + member("endpoint", v.endpoint) +
        member("instance_id", v.instance_id) + embedded("card_json", v.card);
    if (!v.suffix.empty()) {
      text += member("model_suffix", v.suffix);
    }
    return text + '}';
  }
};

} // namespace

std::string to_json(const record& value) {
  return std::visit(record_writer{}, value);
}

std::string to_json(const kv_source_metadata& metadata) {
  return "{\"kv_state_endpoint\":" + endpoint_id(metadata.kv_state_endpoint) +
         ",\"worker\":{\"worker_id\":" + std::to_string(metadata.worker_id) +
         member("dp_rank", metadata.dp_rank) + '}' +
         member("publisher_id", metadata.publisher_id) + '}';
}

} // namespace dynamo
