#include "dynamo/discovery/kube_messages.hpp"

#include "dynamo/discovery/json_text.hpp"

#include <cstdint>
#include <utility>

namespace dynamo {

namespace {

using nlohmann::json;

constexpr std::uint64_t exact_max = 9'007'199'254'740'991;

/// The member, or null where there is none.
const json& at(const json& from, const char* name) {
  static const json none;
  if (!from.is_object()) {
    return none;
  }
  const auto found = from.find(name);
  return found == from.end() ? none : *found;
}

std::string text_at(const json& from, const char* name) {
  const json& found = at(from, name);
  return found.is_string() ? found.get<std::string>() : std::string{};
}

bool is_true(const json& from, const char* name) {
  const json& found = at(from, name);
  return found.is_boolean() && found.get<bool>();
}

/// JSON as text, whatever bytes its strings have.
std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Nothing when it is no JSON.
json parsed(std::string_view text) {
  return json::parse(text, nullptr, false);
}

std::string beginning_of(std::string_view text) {
  return json_quote(text.substr(0, 120));
}

status check_numbers_in(const json& value, const std::string& where) {
  const bool is_beyond =
      (value.is_number_unsigned() && value.get<std::uint64_t>() > exact_max) ||
      (value.is_number_integer() && !value.is_number_unsigned() &&
       value.get<std::int64_t>() < -static_cast<std::int64_t>(exact_max));
  if (is_beyond) {
    return error{errc::invalid,
                 "kubernetes discovery: " + where +
                     ": expected at most 2^53 - 1, for the API server rounds "
                     "large numbers, got " +
                     value.dump()};
  }
  if (value.is_structured()) {
    for (const auto& [name, inner] : value.items()) {
      if (status checked = check_numbers_in(inner, where + '.' + name);
          !checked) {
        return checked;
      }
    }
  }
  return ok();
}

} // namespace

std::string_view kube_map_of(bucket where) {
  switch (where) {
  case bucket::instances:
    return "endpoints";
  case bucket::models:
    return "model_cards";
  case bucket::event_channels:
    return "event_channels";
  case bucket::event_sources:
    break;
  }
  return "event_sources";
}

// -- Read

std::string kube_name_of(const json& object) {
  return text_at(at(object, "metadata"), "name");
}

std::string kube_version_of(const json& object) {
  return text_at(at(object, "metadata"), "resourceVersion");
}

kube_object kube_object_from(const json& object) {
  const json& metadata = at(object, "metadata");
  kube_object found;
  found.name = text_at(metadata, "name");
  found.uid = text_at(metadata, "uid");
  found.version = text_at(metadata, "resourceVersion");
  for (const json& owner : at(metadata, "ownerReferences")) {
    if (text_at(owner, "kind") == "Pod") {
      found.pod_uids.push_back(text_at(owner, "uid"));
    }
  }
  const json& data = at(at(object, "spec"), "data");
  found.has_data = data.is_object();
  for (const bucket where : buckets) {
    const json& values = at(data, kube_map_of(where).data());
    if (!values.is_object()) {
      continue;
    }
    for (const auto& [key, value] : values.items()) {
      found.records[where].emplace(key, dumped(value));
    }
  }
  return found;
}

std::vector<kube_ready> ready_in_slice(const json& slice) {
  std::vector<kube_ready> ready;
  for (const json& endpoint : at(slice, "endpoints")) {
    const json& target = at(endpoint, "targetRef");
    kube_ready one{text_at(target, "name"), text_at(target, "uid")};
    if (is_true(at(endpoint, "conditions"), "ready") &&
        !one.object_name.empty() && !one.pod_uid.empty()) {
      ready.push_back(std::move(one));
    }
  }
  return ready;
}

std::vector<kube_ready> ready_in_pod(const json& pod,
                                     std::string_view main_container) {
  const std::string name = kube_name_of(pod);
  const std::string uid = text_at(at(pod, "metadata"), "uid");
  std::vector<kube_ready> ready;
  for (const json& container : at(at(pod, "status"), "containerStatuses")) {
    const std::string own_name = text_at(container, "name");
    if (is_true(container, "ready")) {
      ready.push_back(
          {own_name == main_container ? name : name + '-' + own_name, uid});
    }
  }
  return ready;
}

result<kube_page> kube_page_from(std::string_view text) {
  json read = parsed(text);
  if (!read.is_object()) {
    return error{errc::malformed,
                 "expected a list as a JSON object, got " + beginning_of(text)};
  }
  const json& metadata = at(read, "metadata");
  kube_page page;
  page.version = text_at(metadata, "resourceVersion");
  page.next = text_at(metadata, "continue");
  if (page.version.empty()) {
    return error{errc::malformed, "a list without a resourceVersion"};
  }
  if (const auto items = read.find("items"); items != read.end()) {
    page.items = std::move(*items);
  }
  return page;
}

result<kube_watch_event> kube_watch_event_from(std::string_view line) {
  json read = parsed(line);
  kube_watch_event event;
  event.type = text_at(read, "type");
  if (event.type.empty()) {
    return error{errc::malformed,
                 "expected an event of a watch, got " + beginning_of(line)};
  }
  event.object = std::move(read["object"]);
  if (event.type == "ERROR") {
    const json& code = at(event.object, "code");
    event.code = code.is_number_integer() ? code.get<int>() : 0;
    event.message = text_at(event.object, "message");
  }
  return event;
}

std::string reason_of(int status, std::string_view body) {
  const std::string said = text_at(parsed(body), "message");
  std::string reason = "HTTP status " + std::to_string(status);
  if (!said.empty()) {
    reason += ": " + said;
  }
  if (status == 401) {
    reason += " (the token or the client certificate is not valid)";
  } else if (status == 403) {
    reason += " (the Role of this service account lacks that verb)";
  }
  return reason;
}

// -- Written

std::string kube_value_of(const record& value) {
  std::string text = to_json(value);
  const auto* channel = std::get_if<event_channel>(&value);
  if (channel == nullptr || channel->generation == wire_generation::v1_3) {
    return text;
  }
  // Readers of 1.3 and before know no scope.
  text.pop_back();
  return text + ",\"namespace\":" + json_quote(channel->owner.ns) +
         ",\"component\":" + json_quote(channel->owner.component) + '}';
}

std::string kube_apply_body(const kube_identity& who,
                            const kube_records& records) {
  std::string text =
      "{\"apiVersion\":\"nvidia.com/v1alpha1\",\"kind\":"
      "\"DynamoWorkerMetadata\",\"metadata\":{\"name\":" +
      json_quote(who.object_name) +
      ",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"blockOwnerDeletion\":"
      "false,\"controller\":" +
      (who.object_name == who.pod ? "true" : "false") +
      ",\"kind\":\"Pod\",\"name\":" + json_quote(who.pod) +
      ",\"uid\":" + json_quote(who.pod_uid) + "}]},\"spec\":{\"data\":{";
  // All four, or the server finds no object where the schema wants one.
  for (const bucket where : buckets) {
    text += where == buckets[0] ? "" : ",";
    text += json_quote(kube_map_of(where)) + ":{";
    if (const auto found = records.find(where); found != records.end()) {
      bool is_first = true;
      for (const auto& [key, value] : found->second) {
        text += std::exchange(is_first, false) ? "" : ",";
        text += json_quote(key) + ':' + value;
      }
    }
    text += '}';
  }
  return text + "}}}";
}

status check_kube_numbers(std::string_view json_text) {
  return check_numbers_in(parsed(json_text), "record");
}

} // namespace dynamo
