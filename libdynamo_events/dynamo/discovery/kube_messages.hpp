#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/discovery/kube_identity.hpp"
#include "dynamo/discovery/record.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// What an API server of Kubernetes says, and what is said to it. Nothing that
// it leaves out, or sends as null, is an error: what is needed and not there is
// empty.

namespace dynamo {

/// Values as JSON text under their keys, by bucket.
using kube_records = std::map<bucket, std::map<std::string, std::string>>;

/// Name of a bucket's map in an object's spec.data: "endpoints", "model_cards",
/// "event_channels", "event_sources".
std::string_view kube_map_of(bucket where);

/// An object of kind DynamoWorkerMetadata.
struct kube_object {
  std::string name;
  std::string uid;
  /// Its resourceVersion.
  std::string version;
  /// Of the pods that own it.
  std::vector<std::string> pod_uids;
  /// Whether spec.data is there.
  bool has_data = false;
  kube_records records;
};

/// An object's name and the uid of the pod that has to own it.
struct kube_ready {
  std::string object_name;
  std::string pod_uid;
  auto operator<=>(const kube_ready&) const = default;
};

kube_object kube_object_from(const nlohmann::json& object);

/// The pods that an EndpointSlice calls ready: what is not said is not so.
std::vector<kube_ready> ready_in_slice(const nlohmann::json& slice);

/// The containers of a Pod that are ready.
std::vector<kube_ready> ready_in_pod(const nlohmann::json& pod,
                                     std::string_view main_container);

/// metadata.name and metadata.resourceVersion of any object.
std::string kube_name_of(const nlohmann::json& object);
std::string kube_version_of(const nlohmann::json& object);

/// One page of a list.
struct kube_page {
  std::string version;
  /// For the next page; empty with the last.
  std::string next;
  nlohmann::json items;
};
result<kube_page> kube_page_from(std::string_view text);

/// One line of a watch.
struct kube_watch_event {
  /// "ADDED", "MODIFIED", "DELETED", "BOOKMARK" or "ERROR".
  std::string type;
  nlohmann::json object;
  /// Of an error: its code and message.
  int code = 0;
  std::string message;
};
result<kube_watch_event> kube_watch_event_from(std::string_view line);

/// Why a request failed, in the server's words where it has some.
std::string reason_of(int status, std::string_view body);

/// The body of an apply: the whole object, with the form of 1.3 beside the
/// present one in event channels.
std::string kube_apply_body(const kube_identity& who,
                            const kube_records& records);

/// The value of a record as it is stored there.
std::string kube_value_of(const record& value);

/// errc::invalid, naming the member, when a number is beyond 2^53 - 1: the API
/// server would round it, from 2^63 on.
status check_kube_numbers(std::string_view json_text);

} // namespace dynamo
