#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/events/scope.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What discovery stores: JSON values under keys, in the form of Dynamo 1.4 and
// later. Event channels have another form up to 1.3: a namespace and a
// component in place of the scope. Numbers are exact 64-bit integers.

namespace dynamo {

/// Where one publisher can be heard.
struct nats_address {
  std::string subject_prefix;
  bool operator==(const nats_address&) const = default;
};
struct zmq_address {
  std::string endpoint;
  bool operator==(const zmq_address&) const = default;
};
struct zmq_broker_address {
  std::vector<std::string> xsub_endpoints;
  std::vector<std::string> xpub_endpoints;
  bool operator==(const zmq_broker_address&) const = default;
};

/// A publisher: its stream and its address.
struct event_channel {
  scope owner;
  std::string topic;
  std::uint64_t publisher_id = 0;
  std::variant<nats_address, zmq_address, zmq_broker_address> address;
  /// The form in which it is stored; an endpoint scope has none of 1.3.
  wire_generation generation = wire_generation::v1_4;

  bool operator==(const event_channel&) const = default;
};

/// What a publisher's stream is about, whatever transport carries it.
struct event_source {
  scope owner;
  std::string topic;
  std::uint64_t publisher_id = 0;
  /// JSON text.
  std::string metadata = "{}";

  bool operator==(const event_source&) const = default;
};

/// A served endpoint of a worker.
struct endpoint_instance {
  std::string ns;
  std::string component;
  std::string endpoint;
  /// The worker id.
  std::uint64_t instance_id = 0;
  /// JSON text, {"tcp":"host:port/..."}, {"http":"http://host:port"}, ...
  std::string transport = "{}";
  /// "cuda", ...; left out of the JSON when empty.
  std::string device_type{};
  /// "msgpack", ...; left out of the JSON when empty.
  std::string request_plane_codec{};

  bool operator==(const endpoint_instance&) const = default;
};

/// A model that a worker serves.
struct model_card {
  std::string ns;
  std::string component;
  std::string endpoint;
  std::uint64_t instance_id = 0;
  /// JSON text.
  std::string card = "{}";
  /// Left out of the JSON and of the key when empty.
  std::string suffix{};

  bool operator==(const model_card&) const = default;
};

using record =
    std::variant<event_channel, event_source, endpoint_instance, model_card>;

/// The four directories of the store.
enum class bucket { instances, models, event_channels, event_sources };

/// "v1/instances", "v1/mdc", "v1/event_channels", "v1/event_sources".
std::string_view path_of(bucket where);

/// Every bucket, in the order above.
inline constexpr bucket buckets[] = {bucket::instances, bucket::models,
                                     bucket::event_channels,
                                     bucket::event_sources};

bucket bucket_of(const record& value);

/// The key within the bucket, canonical: the identity of a record.
///
///   namespace/<ns>[/component/<c>[/endpoint/<e>]]/topic/<topic>/<id hex>
///   <ns>/<component>/<endpoint>/<id hex>[/<suffix>]
///
/// Event channels in the form of 1.3 and before have
///
///   <ns>/<component or nothing>/<topic>/<id hex>
///
/// without encoding.
std::string key_of(const record& value);

/// Whether `key` has a form that its bucket demands, of either generation.
bool is_key(bucket where, std::string_view key);

/// Whether `key` names this very record, in the form of either generation.
bool is_key_of(std::string_view key, const record& value);

/// The JSON that is stored: compact, members in Dynamo's order. JSON text
/// inside the record is written as it is, or as null when it is no JSON.
std::string to_json(const record& value);

/// Whether the record can be stored and read again as the same record.
/// errc::invalid names what is wrong: text that is no UTF-8, JSON text that is
/// no JSON, a slash in a name that its key does not encode.
status check_record(const record& value);

/// Reads a stored value of either generation, whatever its bytes are. Members
/// that we do not know are ignored; a record with both a scope and the older
/// namespace and component has its scope. An unknown type, scope or transport
/// is errc::unsupported, anything else errc::malformed with the member's name.
result<record> record_from_json(std::string_view text);

/// The publisher or instance id of a record.
std::uint64_t id_of(const record& value);

/// Metadata of a kv-events publisher's event_source: which worker rank its
/// events speak of.
struct kv_source_metadata {
  scope kv_state_endpoint;
  std::uint64_t worker_id = 0;
  std::uint32_t dp_rank = 0;
  std::uint64_t publisher_id = 0;
};

std::string to_json(const kv_source_metadata& metadata);

/// Reads what to_json writes and what Dynamo writes, whose further members are
/// ignored.
result<kv_source_metadata> kv_source_metadata_from_json(std::string_view text);

} // namespace dynamo
