#include "apps/events/record_table.hpp"

#include "apps/events/event_text.hpp"
#include "dynamo/base/ids.hpp"
#include "dynamo/discovery/worker_record.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace dynamo::apps {

namespace {

using nlohmann::json;

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& each : parts) {
    text += (text.empty() ? "" : ",") + each;
  }
  return text;
}

struct address_text {
  std::string operator()(const nats_address& address) const {
    return "nats " + address.subject_prefix;
  }
  std::string operator()(const zmq_address& address) const {
    return "zmq " + address.endpoint;
  }
  std::string operator()(const zmq_broker_address& address) const {
    return "zmq broker " + joined(address.xpub_endpoints);
  }
};

std::string model_name(const model_card& card) {
  const json read = json::parse(card.card, nullptr, false);
  const auto name = read.is_object() ? read.find("display_name") : read.end();
  return name != read.end() && name->is_string() ? name->get<std::string>()
                                                 : std::string{"?"};
}

struct address {
  std::string operator()(const event_channel& channel) const {
    return std::visit(address_text{}, channel.address);
  }
  std::string operator()(const event_source& source) const {
    const auto read = kv_source_metadata_from_json(source.metadata);
    return read ? "worker " + std::to_string(read->worker_id) + "/" +
                      std::to_string(read->dp_rank)
                : source.metadata;
  }
  std::string operator()(const endpoint_instance& served) const {
    const auto tcp = host_and_port_of(served);
    return tcp ? "tcp " + *tcp : served.transport;
  }
  std::string operator()(const model_card& card) const {
    return card.suffix.empty() ? model_name(card)
                               : model_name(card) + " " + card.suffix;
  }
};

struct owner {
  std::string operator()(const event_channel& channel) const {
    return to_string(channel.owner);
  }
  std::string operator()(const event_source& source) const {
    return to_string(source.owner);
  }
  std::string operator()(const endpoint_instance& served) const {
    return to_string(
        scope::of_endpoint(served.ns, served.component, served.endpoint));
  }
  std::string operator()(const model_card& card) const {
    return to_string(
        scope::of_endpoint(card.ns, card.component, card.endpoint));
  }
};

struct subject {
  std::string operator()(const event_channel& channel) const {
    return channel.topic;
  }
  std::string operator()(const event_source& source) const {
    return source.topic;
  }
  std::string operator()(const endpoint_instance&) const { return "endpoint"; }
  std::string operator()(const model_card&) const { return "model"; }
};

std::string owner_of(const record& value) {
  return printable(std::visit(owner{}, value), 200);
}

std::string subject_of_record(const record& value) {
  return printable(std::visit(subject{}, value));
}

std::string age_text(std::chrono::milliseconds age) {
  const auto tenths = age.count() / 100;
  if (tenths < 1000) {
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) +
           "s";
  }
  return std::to_string(tenths / 10) + "s";
}

constexpr std::size_t columns = 5;
using row = std::array<std::string, columns>;

/// Without what is the same in every row, so that rows keep to 80 columns.
std::string short_address_of(const record& value) {
  constexpr std::string_view same = "zmq tcp://";
  const std::string whole = address_of(value);
  return whole.starts_with(same) ? "zmq " + whole.substr(same.size()) : whole;
}

row row_of(const found_record& found) {
  const std::uint64_t id = id_of(found.value);
  return {subject_of_record(found.value), id_to_hex(id), std::to_string(id),
          age_text(found.age), short_address_of(found.value)};
}

std::string aligned(const row& cells,
                    const std::array<std::size_t, columns>& widths) {
  std::string text = " ";
  for (std::size_t i = 0; i < columns; ++i) {
    text += ' ' + cells[i];
    if (i + 1 < columns) {
      text.append(widths[i] - std::min(widths[i], cells[i].size()), ' ');
    }
  }
  return text;
}

} // namespace

std::string_view name_of(bucket where) {
  switch (where) {
  case bucket::instances:
    return "instances";
  case bucket::models:
    return "models";
  case bucket::event_channels:
    return "event_channels";
  case bucket::event_sources:
    return "event_sources";
  }
  return "unknown";
}

std::string address_of(const record& value) {
  return printable(std::visit(address{}, value), 200);
}

std::string line_of(bucket where, const record& value) {
  const std::uint64_t id = id_of(value);
  return std::string{name_of(where)} + " " + owner_of(value) + " " +
         subject_of_record(value) + " " + id_to_hex(id) + " (" +
         std::to_string(id) + ") " + address_of(value);
}

std::vector<std::string> table_of(bucket where,
                                  std::vector<found_record> records) {
  std::vector<std::string> out{std::string{name_of(where)} + ": " +
                               counted(records.size(), "record")};
  if (records.empty()) {
    return out;
  }
  std::stable_sort(records.begin(), records.end(),
                   [](const found_record& a, const found_record& b) {
                     return a.key < b.key;
                   });
  const bool streams =
      where == bucket::event_channels || where == bucket::event_sources;
  const row head{streams ? "TOPIC" : "KIND", "ID", "DECIMAL", "AGE",
                 where == bucket::event_sources ? "SOURCE" : "ADDRESS"};
  std::vector<row> rows;
  std::array<std::size_t, columns> widths{};
  const auto widen = [&widths](const row& cells) {
    for (std::size_t i = 0; i < columns; ++i) {
      widths[i] = std::max(widths[i], cells[i].size());
    }
  };
  widen(head);
  for (const found_record& each : records) {
    rows.push_back(row_of(each));
    widen(rows.back());
  }
  out.push_back(aligned(head, widths));
  std::string last_owner;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string owner = owner_of(records[i].value);
    if (i == 0 || owner != last_owner) {
      out.push_back(owner);
      last_owner = owner;
    }
    out.push_back(aligned(rows[i], widths));
  }
  return out;
}

nlohmann::json json_of(bucket where, std::string_view key,
                       const record& value) {
  json stored = json::parse(to_json(value), nullptr, false);
  const std::uint64_t id = id_of(value);
  json out = {{"bucket", name_of(where)},
              {"key", key},
              {"id", id},
              {"id_hex", id_to_hex(id)},
              {"owner", owner_of(value)},
              {"address", address_of(value)},
              {"record", stored.is_discarded() ? json(nullptr) : stored}};
  if (where == bucket::event_channels || where == bucket::event_sources) {
    out["topic"] = std::visit(subject{}, value);
  }
  return out;
}

} // namespace dynamo::apps
