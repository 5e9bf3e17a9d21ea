#include "dynamo/discovery/record.hpp"

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/ids.hpp"
#include "dynamo/base/percent.hpp"
#include "dynamo/discovery/json_text.hpp"

#include <algorithm>

namespace dynamo {

namespace {

template <class... Functions>
struct overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
overloaded(Functions...) -> overloaded<Functions...>;

std::string segment(std::string_view name) {
  return percent_encode(name, percent_keep::segment);
}

std::string event_key(const scope& owner, std::string_view topic,
                      std::uint64_t id) {
  std::string key = "namespace/" + segment(owner.ns);
  if (owner.kind != scope_kind::namespace_) {
    key += "/component/" + segment(owner.component);
  }
  if (owner.kind == scope_kind::endpoint) {
    key += "/endpoint/" + segment(owner.endpoint);
  }
  return key + "/topic/" + segment(topic) + '/' + id_to_hex(id);
}

std::string event_key_v1_3(const event_channel& value) {
  return value.owner.ns + '/' + value.owner.component + '/' + value.topic +
         '/' + id_to_hex(value.publisher_id);
}

template <class Served>
std::string served_key(const Served& value) {
  return value.ns + '/' + value.component + '/' + value.endpoint + '/' +
         id_to_hex(value.instance_id);
}

std::vector<std::string_view> split(std::string_view key) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto slash = key.find('/');
    parts.push_back(key.substr(0, slash));
    if (slash == std::string_view::npos) {
      return parts;
    }
    key.remove_prefix(slash + 1);
  }
}

bool is_segment(std::string_view text) {
  const auto name = percent_decode(text);
  return name && segment(*name) == text;
}

bool is_event_key(const std::vector<std::string_view>& parts) {
  if (parts.size() != 5 && parts.size() != 7 && parts.size() != 9) {
    return false;
  }
  // Words and names take turns; the id stands last.
  const std::size_t topic_at = parts.size() - 3;
  constexpr std::string_view words[] = {"namespace", "component", "endpoint"};
  for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
    const auto word = i == topic_at ? std::string_view{"topic"} : words[i / 2];
    if (parts[i] != word || !is_segment(parts[i + 1])) {
      return false;
    }
  }
  return bool{id_from_hex(parts.back())};
}

bool is_event_key_v1_3(const std::vector<std::string_view>& parts) {
  return parts.size() == 4 && bool{id_from_hex(parts[3])};
}

status check_names(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (name.find('/') != std::string_view::npos) {
      return error{errc::invalid,
                   "record: expected a name without a slash, got \"" +
                       std::string{name} + '"'};
    }
  }
  return ok();
}

status check_json(std::string_view member, std::string_view text) {
  if (!is_json(text)) {
    return error{errc::invalid, "record: " + std::string{member} +
                                    ": expected JSON, got " +
                                    json_quote(text.substr(0, 80))};
  }
  return ok();
}

status check_members(const record& value) {
  return std::visit(
      overloaded{
          [](const event_channel&) { return ok(); },
          [](const event_source& v) {
            return check_json("metadata", v.metadata);
          },
          [](const endpoint_instance& v) {
            const auto named = check_names({v.ns, v.component, v.endpoint});
            return named ? check_json("transport", v.transport) : named;
          },
          [](const model_card& v) {
            const auto named = check_names({v.ns, v.component, v.endpoint});
            return named ? check_json("card", v.card) : named;
          },
      },
      value);
}

} // namespace

std::string_view path_of(bucket where) {
  switch (where) {
  case bucket::instances:
    return "v1/instances";
  case bucket::models:
    return "v1/mdc";
  case bucket::event_channels:
    return "v1/event_channels";
  case bucket::event_sources:
    return "v1/event_sources";
  }
  return {};
}

bucket bucket_of(const record& value) {
  return std::visit(
      overloaded{
          [](const event_channel&) { return bucket::event_channels; },
          [](const event_source&) { return bucket::event_sources; },
          [](const endpoint_instance&) { return bucket::instances; },
          [](const model_card&) { return bucket::models; },
      },
      value);
}

std::string key_of(const record& value) {
  return std::visit(
      overloaded{
          [](const event_channel& v) {
            return v.generation == wire_generation::v1_3
                       ? event_key_v1_3(v)
                       : event_key(v.owner, v.topic, v.publisher_id);
          },
          [](const event_source& v) {
            return event_key(v.owner, v.topic, v.publisher_id);
          },
          [](const endpoint_instance& v) { return served_key(v); },
          [](const model_card& v) {
            return v.suffix.empty() ? served_key(v)
                                    : served_key(v) + '/' + v.suffix;
          },
      },
      value);
}

bool is_key(bucket where, std::string_view key) {
  if (!is_utf8(key)) {
    return false;
  }
  const auto parts = split(key);
  switch (where) {
  case bucket::instances:
    return parts.size() == 4 && bool{id_from_hex(parts[3])};
  case bucket::models:
    // A suffix may hold slashes, but not be empty.
    return parts.size() >= 4 && bool{id_from_hex(parts[3])} &&
           (parts.size() != 5 || !parts[4].empty());
  case bucket::event_channels:
    return is_event_key(parts) || is_event_key_v1_3(parts);
  case bucket::event_sources:
    return is_event_key(parts);
  }
  return false;
}

bool is_key_of(std::string_view key, const record& value) {
  if (key == key_of(value)) {
    return true;
  }
  const auto* channel = std::get_if<event_channel>(&value);
  if (channel == nullptr || channel->owner.kind == scope_kind::endpoint) {
    return false;
  }
  event_channel other = *channel;
  other.generation = channel->generation == wire_generation::v1_3
                         ? wire_generation::v1_4
                         : wire_generation::v1_3;
  return key == key_of(other);
}

std::uint64_t id_of(const record& value) {
  return std::visit(
      overloaded{
          [](const event_channel& v) { return v.publisher_id; },
          [](const event_source& v) { return v.publisher_id; },
          [](const endpoint_instance& v) { return v.instance_id; },
          [](const model_card& v) { return v.instance_id; },
      },
      value);
}

status check_record(const record& value) {
  if (const auto checked = check_members(value); !checked) {
    return checked;
  }
  // What is not UTF-8, or stands where its scope has no place for it, is lost
  // on the way out and back.
  const std::string text = to_json(value);
  const auto read = record_from_json(text);
  const std::string key = key_of(value);
  if (!read || key_of(*read) != key || to_json(*read) != text ||
      !is_key(bucket_of(value), key)) {
    return error{errc::invalid,
                 "record: expected one that reads back as it is, got " + text};
  }
  return ok();
}

} // namespace dynamo
