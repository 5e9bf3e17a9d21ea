#include "dynamo/discovery/worker_record.hpp"

#include "dynamo/base/ids.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace dynamo {

namespace {

// More ranks than any engine has; a card that says so is not believed.
constexpr std::uint64_t rank_max = 65'535;

std::uint64_t member(const nlohmann::json& object, const char* name,
                     std::uint64_t otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned()
             ? found->get<std::uint64_t>()
             : otherwise;
}

std::optional<std::uint64_t> amount(const nlohmann::json& object,
                                    const char* name) {
  const auto value = member(object, name, 0);
  return value == 0 ? std::nullopt : std::optional{value};
}

/// The member `name` of an object; null of everything else.
nlohmann::json part(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto found = object.find(name);
  return found == object.end() ? nlohmann::json{} : *found;
}

nlohmann::json parsed_card(const model_card& card) {
  return nlohmann::json::parse(card.card, nullptr, false);
}

nlohmann::json runtime_config_of(const model_card& card) {
  nlohmann::json config = part(parsed_card(card), "runtime_config");
  return config.is_object() ? config : nlohmann::json::object();
}

} // namespace

std::string tcp_transport_json(const endpoint_instance& served,
                               const std::string& host_and_port) {
  const std::string address = host_and_port + '/' +
                              id_to_hex(served.instance_id) + '/' + served.ns +
                              '/' + served.component + '/' + served.endpoint;
  return nlohmann::json{{"tcp", address}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<std::string> host_and_port_of(const endpoint_instance& served) {
  const auto parsed = nlohmann::json::parse(served.transport, nullptr, false);
  if (!parsed.is_object()) {
    return std::nullopt;
  }
  const auto tcp = parsed.find("tcp");
  if (tcp == parsed.end() || !tcp->is_string()) {
    return std::nullopt;
  }
  const auto& address = tcp->get_ref<const std::string&>();
  return address.substr(0, address.find('/'));
}

rank_range ranks_of(const model_card& card) {
  const nlohmann::json config = runtime_config_of(card);
  const auto first = member(config, "data_parallel_start_rank", 0);
  const auto count = member(config, "data_parallel_size", 1);
  if (count == 0 || first > rank_max || count > rank_max) {
    return {};
  }
  return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count)};
}

worker_capacity capacity_of(const model_card& card) {
  const nlohmann::json parsed = parsed_card(card);
  const nlohmann::json config = part(parsed, "runtime_config");
  worker_capacity capacity;
  if (parsed.is_object()) {
    capacity.block_size = amount(parsed, "kv_cache_block_size");
  }
  if (config.is_object()) {
    capacity.total_kv_blocks = amount(config, "total_kv_blocks");
    capacity.max_num_batched_tokens = amount(config, "max_num_batched_tokens");
  }
  return capacity;
}

std::vector<std::string> taints_of(const model_card& card) {
  const nlohmann::json listed = part(runtime_config_of(card), "taints");
  std::vector<std::string> taints;
  if (!listed.is_array()) {
    return taints;
  }
  for (const nlohmann::json& each : listed) {
    if (taints.size() == taints_max) {
      break;
    }
    if (!each.is_string()) {
      continue;
    }
    const auto& text = each.get_ref<const std::string&>();
    const bool known =
        std::find(taints.begin(), taints.end(), text) != taints.end();
    if (!text.empty() && text.size() <= taint_bytes_max && !known) {
      taints.push_back(text);
    }
  }
  return taints;
}

} // namespace dynamo
