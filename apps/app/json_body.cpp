#include "apps/app/json_body.hpp"

#include <nlohmann/json.hpp>

namespace dynamo::apps {

namespace {

// Deep nesting costs much memory for few bytes, and nobody needs it.
constexpr int depth_max = 32;

const nlohmann::json* member(const nlohmann::json& body,
                             std::string_view name) {
  if (!body.is_object()) {
    return nullptr;
  }
  const auto found = body.find(name);
  return found == body.end() ? nullptr : &*found;
}

std::string shown(const nlohmann::json* value) {
  if (value == nullptr) {
    return "nothing";
  }
  if (value->is_structured() || value->is_string()) {
    return std::string{"a value of type "} + value->type_name();
  }
  return value->dump();
}

error expected(std::string_view name, const std::string& what,
               const nlohmann::json* value) {
  return {errc::invalid,
          std::string{name} + ": expected " + what + ", got " + shown(value)};
}

/// Nothing when it is no integer, negative, or beyond `max`.
std::optional<std::uint64_t> integer_in(const nlohmann::json& value,
                                        std::uint64_t max) {
  if (!value.is_number_integer() ||
      (!value.is_number_unsigned() && value.get<std::int64_t>() < 0) ||
      value.get<std::uint64_t>() > max) {
    return std::nullopt;
  }
  return value.get<std::uint64_t>();
}

std::string range_up_to(std::uint64_t max) {
  return "an integer from 0 to " + std::to_string(max);
}

} // namespace

result<nlohmann::json> parse_body(std::string_view text) {
  bool too_deep = false;
  const auto limit_depth = [&too_deep](int depth, nlohmann::json::parse_event_t,
                                       const nlohmann::json&) {
    too_deep = too_deep || depth > depth_max;
    return !too_deep;
  };
  try {
    nlohmann::json body = nlohmann::json::parse(text, limit_depth);
    if (too_deep) {
      return error{errc::malformed, "expected JSON of at most " +
                                        std::to_string(depth_max) + " levels"};
    }
    if (!body.is_object()) {
      return error{errc::malformed,
                   std::string{"expected a JSON object, got "} +
                       (body.is_discarded() ? "nothing" : body.type_name())};
    }
    return body;
  } catch (const nlohmann::json::exception& thrown) {
    std::string reason = thrown.what();
    reason.erase(0, reason.find("] ") + 2);
    return error{errc::malformed, "expected a JSON object: " + reason};
  }
}

result<std::string> text_of(const nlohmann::json& body, std::string_view name) {
  const nlohmann::json* value = member(body, name);
  const auto* text =
      value == nullptr ? nullptr : value->get_ptr<const std::string*>();
  if (text == nullptr || text->empty()) {
    return expected(name, "a text that is not empty", value);
  }
  return *text;
}

result<std::uint64_t> integer_of(const nlohmann::json& body,
                                 std::string_view name, std::uint64_t max) {
  const nlohmann::json* value = member(body, name);
  const auto found = value == nullptr ? std::nullopt : integer_in(*value, max);
  if (!found) {
    return expected(name, range_up_to(max), value);
  }
  return *found;
}

result<std::optional<std::uint64_t>>
optional_integer_of(const nlohmann::json& body, std::string_view name,
                    std::uint64_t max) {
  const nlohmann::json* value = member(body, name);
  if (value == nullptr || value->is_null()) {
    return std::optional<std::uint64_t>{};
  }
  auto found = integer_of(body, name, max);
  if (!found) {
    return std::move(found).error();
  }
  return std::optional<std::uint64_t>{*found};
}

result<bool> boolean_of(const nlohmann::json& body, std::string_view name,
                        bool otherwise) {
  const nlohmann::json* value = member(body, name);
  if (value == nullptr) {
    return otherwise;
  }
  if (!value->is_boolean()) {
    return expected(name, "true or false", value);
  }
  return value->get<bool>();
}

result<std::vector<std::uint64_t>> integers_of(const nlohmann::json& body,
                                               std::string_view name,
                                               std::uint64_t max,
                                               std::size_t count_max) {
  const nlohmann::json* value = member(body, name);
  if (value == nullptr || !value->is_array()) {
    return expected(name, "an array", value);
  }
  if (value->size() > count_max) {
    return error{errc::too_large, std::string{name} + ": expected at most " +
                                      std::to_string(count_max) +
                                      " items, got " +
                                      std::to_string(value->size())};
  }
  std::vector<std::uint64_t> all;
  all.reserve(value->size());
  for (const nlohmann::json& each : *value) {
    const auto found = integer_in(each, max);
    if (!found) {
      return expected(std::string{name} + "[" + std::to_string(all.size()) +
                          "]",
                      range_up_to(max), &each);
    }
    all.push_back(*found);
  }
  return all;
}

} // namespace dynamo::apps
