#include "dynamo/discovery/json_text.hpp"
#include "dynamo/discovery/record.hpp"

#include <limits>

namespace dynamo {

namespace {

/// Reads members into variables; after the first that cannot be read the rest
/// is left alone.
class member_reader {
 public:
  explicit member_reader(const json_object& object)
      : object_(object) {}

  member_reader& string(std::string_view name, std::string& out) {
    return take(name, out, &json_object::string);
  }
  member_reader& number(std::string_view name, std::uint64_t& out) {
    return take(name, out, &json_object::number);
  }
  member_reader& text(std::string_view name, std::string& out) {
    return take(name, out, &json_object::text);
  }
  member_reader& strings(std::string_view name, std::vector<std::string>& out) {
    return take(name, out, &json_object::strings);
  }
  member_reader& optional_string(std::string_view name, std::string& out) {
    return object_.has(name) ? string(name, out) : *this;
  }

  /// The value that was filled in, or why it could not be.
  template <class T>
  result<T> or_failure(T value) {
    if (!outcome_) {
      return outcome_.error();
    }
    return value;
  }

 private:
  template <class T>
  member_reader& take(std::string_view name, T& out,
                      result<T> (json_object::*read)(std::string_view) const) {
    if (outcome_) {
      if (auto value = (object_.*read)(name)) {
        out = *std::move(value);
      } else {
        outcome_ = value.error();
      }
    }
    return *this;
  }

  const json_object& object_;
  status outcome_;
};

error unknown(std::string_view what, std::string_view got,
              std::string_view expected) {
  std::string message{what};
  message.append(": expected ").append(expected).append(", got ");
  return {errc::unsupported, message + json_quote(got.substr(0, 80))};
}

result<scope> endpoint_id_from(const json_object& object) {
  scope owner;
  owner.kind = scope_kind::endpoint;
  return member_reader{object}
      .string("namespace", owner.ns)
      .string("component", owner.component)
      .string("name", owner.endpoint)
      .or_failure(owner);
}

result<scope> scope_from_json(const json_object& object) {
  const auto kind = object.string("kind");
  if (!kind) {
    return kind.error();
  }
  scope owner;
  if (*kind == "namespace") {
    return member_reader{object}.string("name", owner.ns).or_failure(owner);
  }
  if (*kind == "component") {
    owner.kind = scope_kind::component;
    return member_reader{object}
        .string("namespace", owner.ns)
        .string("component", owner.component)
        .or_failure(owner);
  }
  if (*kind == "endpoint") {
    const auto id = object.object("endpoint");
    return id ? endpoint_id_from(*id) : result<scope>{id.error()};
  }
  return unknown("record: scope", *kind, "namespace, component or endpoint");
}

/// The scope, or what Dynamo 1.3 and before has in its place.
result<scope> owner_from(const json_object& object) {
  if (object.has("scope") || !object.has("namespace")) {
    const auto inner = object.object("scope");
    return inner ? scope_from_json(*inner) : result<scope>{inner.error()};
  }
  scope owner;
  const auto read = member_reader{object}
                        .string("namespace", owner.ns)
                        .string("component", owner.component)
                        .or_failure(true);
  if (!read) {
    return read.error();
  }
  if (!owner.component.empty()) {
    owner.kind = scope_kind::component;
  }
  return owner;
}

using channel_address = decltype(event_channel::address);

result<channel_address> address_from(const json_object& object) {
  const auto kind = object.string("kind");
  if (!kind) {
    return kind.error();
  }
  if (*kind != "Nats" && *kind != "Zmq" && *kind != "ZmqBroker") {
    return unknown("record: transport", *kind, "Nats, Zmq or ZmqBroker");
  }
  const auto config = object.object("config");
  if (!config) {
    return config.error();
  }
  member_reader reader{*config};
  if (*kind == "Nats") {
    nats_address value;
    reader.string("subject_prefix", value.subject_prefix);
    return reader.or_failure<channel_address>(value);
  }
  if (*kind == "Zmq") {
    zmq_address value;
    reader.string("endpoint", value.endpoint);
    return reader.or_failure<channel_address>(value);
  }
  zmq_broker_address value;
  reader.strings("xsub_endpoints", value.xsub_endpoints)
      .strings("xpub_endpoints", value.xpub_endpoints);
  return reader.or_failure<channel_address>(value);
}

result<record> channel_from(const json_object& object) {
  auto owner = owner_from(object);
  if (!owner) {
    return owner.error();
  }
  const auto transport = object.object("transport");
  if (!transport) {
    return transport.error();
  }
  auto where = address_from(*transport);
  if (!where) {
    return where.error();
  }
  event_channel value;
  value.owner = *std::move(owner);
  value.address = *std::move(where);
  if (!object.has("scope")) {
    value.generation = wire_generation::v1_3;
  }
  member_reader reader{object};
  reader.string("topic", value.topic).number("instance_id", value.publisher_id);
  return reader.or_failure<record>(std::move(value));
}

result<record> source_from(const json_object& object) {
  const auto inner = object.object("scope");
  if (!inner) {
    return inner.error();
  }
  auto owner = scope_from_json(*inner);
  if (!owner) {
    return owner.error();
  }
  event_source value;
  value.owner = *std::move(owner);
  member_reader reader{object};
  reader.string("topic", value.topic)
      .number("publisher_id", value.publisher_id)
      .text("metadata", value.metadata);
  return reader.or_failure<record>(std::move(value));
}

result<record> endpoint_from(const json_object& object) {
  endpoint_instance value;
  member_reader reader{object};
  reader.string("component", value.component)
      .string("endpoint", value.endpoint)
      .string("namespace", value.ns)
      .number("instance_id", value.instance_id)
      .text("transport", value.transport)
      .optional_string("device_type", value.device_type)
      .optional_string("request_plane_codec", value.request_plane_codec);
  return reader.or_failure<record>(std::move(value));
}

result<record> model_from(const json_object& object) {
  model_card value;
  member_reader reader{object};
  reader.string("namespace", value.ns)
      .string("component", value.component)
      .string("endpoint", value.endpoint)
      .number("instance_id", value.instance_id)
      .text("card_json", value.card)
      .optional_string("model_suffix", value.suffix);
  return reader.or_failure<record>(std::move(value));
}

} // namespace

result<record> record_from_json(std::string_view text) {
  const auto object = json_object::read(text, "record");
  if (!object) {
    return object.error();
  }
  const auto type = object->string("type");
  if (!type) {
    return type.error();
  }
  if (*type == "EventChannel") {
    return channel_from(*object);
  }
  if (*type == "EventSource") {
    return source_from(*object);
  }
  if (*type == "Endpoint") {
    return endpoint_from(*object);
  }
  if (*type == "Model") {
    return model_from(*object);
  }
  return unknown("record: type", *type,
                 "EventChannel, EventSource, Endpoint or Model");
}

result<kv_source_metadata> kv_source_metadata_from_json(std::string_view text) {
  const auto object = json_object::read(text, "metadata");
  if (!object) {
    return object.error();
  }
  const auto endpoint = object->object("kv_state_endpoint");
  if (!endpoint) {
    return endpoint.error();
  }
  auto owner = endpoint_id_from(*endpoint);
  if (!owner) {
    return owner.error();
  }
  const auto worker = object->object("worker");
  if (!worker) {
    return worker.error();
  }
  kv_source_metadata metadata;
  metadata.kv_state_endpoint = *std::move(owner);
  std::uint64_t dp_rank = 0;
  const auto read = member_reader{*worker}
                        .number("worker_id", metadata.worker_id)
                        .number("dp_rank", dp_rank)
                        .or_failure(true);
  if (!read) {
    return read.error();
  }
  if (dp_rank > std::numeric_limits<std::uint32_t>::max()) {
    return error{errc::malformed,
                 "metadata.worker: member \"dp_rank\": expected 32 bits, got " +
                     std::to_string(dp_rank)};
  }
  metadata.dp_rank = static_cast<std::uint32_t>(dp_rank);
  return member_reader{*object}
      .number("publisher_id", metadata.publisher_id)
      .or_failure(metadata);
}

} // namespace dynamo
