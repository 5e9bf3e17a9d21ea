#include "apps/app/json_body.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

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

/// Null, when the member is absent or null.
const nlohmann::json* present(const nlohmann::json& body,
                              std::string_view name) {
  const nlohmann::json* value = member(body, name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

error too_large(std::string_view name, std::size_t count_max,
                std::string_view of_what, std::size_t count) {
  return {errc::too_large, std::string{name} + ": expected at most " +
                               std::to_string(count_max) + " " +
                               std::string{of_what} + ", got " +
                               std::to_string(count)};
}

std::string item_of(std::string_view name, std::size_t position) {
  return std::string{name} + "[" + std::to_string(position) + "]";
}

result<std::string> text_in(const nlohmann::json* value, std::string_view name,
                            std::size_t bytes_max) {
  const auto* text =
      value == nullptr ? nullptr : value->get_ptr<const std::string*>();
  if (text == nullptr || text->empty()) {
    return expected(name, "a text that is not empty", value);
  }
  if (text->size() > bytes_max) {
    return too_large(name, bytes_max, "bytes", text->size());
  }
  return *text;
}

result<double> number_in(const nlohmann::json& value, std::string_view name,
                         number_range range) {
  // The comparison is false for what is no number.
  const double number = value.is_number()
                            ? value.get<double>()
                            : std::numeric_limits<double>::quiet_NaN();
  if (!(number >= range.first && number <= range.last)) {
    return expected(name,
                    "a number from " + nlohmann::json(range.first).dump() +
                        " to " + nlohmann::json(range.last).dump(),
                    &value);
  }
  return number;
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
  std::set<std::string> names;
  std::optional<std::string> twice;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t event,
                         const nlohmann::json& parsed) {
    too_deep = too_deep || depth > depth_max;
    if (event == nlohmann::json::parse_event_t::key && depth == 1 && !twice &&
        !names.insert(parsed.get_ref<const std::string&>()).second) {
      twice = parsed.get<std::string>();
    }
    return !too_deep;
  };
  try {
    nlohmann::json body = nlohmann::json::parse(text, watch);
    if (too_deep) {
      return error{errc::malformed, "expected JSON of at most " +
                                        std::to_string(depth_max) + " levels"};
    }
    if (twice) {
      return error{errc::malformed, *twice + ": expected once, got twice"};
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

status only_members(const nlohmann::json& body,
                    std::span<const std::string_view> names) {
  for (const auto& each : body.items()) {
    if (std::find(names.begin(), names.end(), each.key()) == names.end()) {
      return error{errc::invalid, each.key() + ": unknown member"};
    }
  }
  return ok();
}

result<std::string> text_of(const nlohmann::json& body, std::string_view name,
                            std::size_t bytes_max) {
  return text_in(member(body, name), name, bytes_max);
}

result<std::optional<std::string>> optional_text_of(const nlohmann::json& body,
                                                    std::string_view name,
                                                    std::size_t bytes_max) {
  const nlohmann::json* value = present(body, name);
  if (value == nullptr) {
    return std::optional<std::string>{};
  }
  auto text = text_in(value, name, bytes_max);
  if (!text) {
    return std::move(text).error();
  }
  return std::optional<std::string>{*std::move(text)};
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
  if (present(body, name) == nullptr) {
    return std::optional<std::uint64_t>{};
  }
  auto found = integer_of(body, name, max);
  if (!found) {
    return std::move(found).error();
  }
  return std::optional<std::uint64_t>{*found};
}

result<std::optional<double>> optional_number_of(const nlohmann::json& body,
                                                 std::string_view name,
                                                 number_range range) {
  const nlohmann::json* value = present(body, name);
  if (value == nullptr) {
    return std::optional<double>{};
  }
  const auto number = number_in(*value, name, range);
  if (!number) {
    return number.error();
  }
  return std::optional<double>{*number};
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

result<std::optional<bool>> optional_boolean_of(const nlohmann::json& body,
                                                std::string_view name) {
  if (present(body, name) == nullptr) {
    return std::optional<bool>{};
  }
  const auto found = boolean_of(body, name, false);
  if (!found) {
    return found.error();
  }
  return std::optional<bool>{*found};
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
    return too_large(name, count_max, "items", value->size());
  }
  std::vector<std::uint64_t> all;
  all.reserve(value->size());
  for (const nlohmann::json& each : *value) {
    const auto found = integer_in(each, max);
    if (!found) {
      return expected(item_of(name, all.size()), range_up_to(max), &each);
    }
    all.push_back(*found);
  }
  return all;
}

result<std::vector<std::string>> optional_texts_of(const nlohmann::json& body,
                                                   std::string_view name,
                                                   const texts_limits& limits) {
  std::vector<std::string> all;
  const nlohmann::json* value = present(body, name);
  if (value == nullptr) {
    return all;
  }
  if (!value->is_array()) {
    return expected(name, "an array", value);
  }
  if (value->size() > limits.count_max) {
    return too_large(name, limits.count_max, "items", value->size());
  }
  for (const nlohmann::json& each : *value) {
    auto text = text_in(&each, item_of(name, all.size()), limits.bytes_max);
    if (!text) {
      return std::move(text).error();
    }
    all.push_back(*std::move(text));
  }
  return all;
}

result<std::vector<std::pair<std::string, double>>>
optional_weights_of(const nlohmann::json& body, std::string_view name,
                    const texts_limits& limits, number_range range) {
  std::vector<std::pair<std::string, double>> all;
  const nlohmann::json* value = present(body, name);
  if (value == nullptr) {
    return all;
  }
  if (!value->is_object()) {
    return expected(name, "an object", value);
  }
  if (value->size() > limits.count_max) {
    return too_large(name, limits.count_max, "members", value->size());
  }
  for (const auto& each : value->items()) {
    const std::string place = std::string{name} + "." + each.key();
    if (each.key().size() > limits.bytes_max) {
      return too_large(name, limits.bytes_max, "bytes in a name",
                       each.key().size());
    }
    const auto weight = number_in(each.value(), place, range);
    if (!weight) {
      return weight.error();
    }
    all.emplace_back(each.key(), *weight);
  }
  return all;
}

} // namespace dynamo::apps
