#include "dynamo/discovery/worker_record.hpp"

#include "dynamo/base/ids.hpp"

#include <nlohmann/json.hpp>

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
  const auto parsed = nlohmann::json::parse(card.card, nullptr, false);
  if (!parsed.is_object()) {
    return {};
  }
  const auto config = parsed.find("runtime_config");
  if (config == parsed.end() || !config->is_object()) {
    return {};
  }
  const auto first = member(*config, "data_parallel_start_rank", 0);
  const auto count = member(*config, "data_parallel_size", 1);
  if (count == 0 || first > rank_max || count > rank_max) {
    return {};
  }
  return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count)};
}

} // namespace dynamo
