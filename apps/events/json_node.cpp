#include "apps/events/json_node.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace dynamo::apps {

namespace {

// Deep nesting costs much memory for few bytes, and no event needs it.
constexpr int depth_max = 32;

constexpr std::size_t shown_max = 40;

std::string shown(const nlohmann::json* value) {
  if (value == nullptr) {
    return "nothing";
  }
  if (value->is_structured()) {
    return std::string{"an "} + value->type_name();
  }
  std::string text =
      value->dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > shown_max) {
    text = text.substr(0, shown_max) + "...";
  }
  return text;
}

} // namespace

result<nlohmann::json> parse_json(std::string_view text) {
  bool too_deep = false;
  const auto limit_depth = [&too_deep](int depth, nlohmann::json::parse_event_t,
                                       const nlohmann::json&) {
    too_deep = too_deep || depth > depth_max;
    return !too_deep;
  };
  try {
    nlohmann::json value = nlohmann::json::parse(text, limit_depth);
    if (too_deep) {
      return error{errc::invalid, "expected JSON of at most " +
                                      std::to_string(depth_max) + " levels"};
    }
    return value;
  } catch (const nlohmann::json::exception& thrown) {
    std::string reason = thrown.what();
    reason.erase(0, reason.find("] ") + 2);
    return error{errc::invalid, "expected JSON: " + reason};
  }
}

bool json_node::is_absent() const {
  return value_ == nullptr || value_->is_null();
}

bool json_node::is_null() const {
  return value_ != nullptr && value_->is_null();
}

bool json_node::is_array() const {
  return value_ != nullptr && value_->is_array();
}

bool json_node::is_object() const {
  return value_ != nullptr && value_->is_object();
}

bool json_node::is_text() const {
  return value_ != nullptr && value_->is_string();
}

void json_node::fail(std::string_view what) const {
  if (*failure_) {
    return;
  }
  *failure_ = error{errc::invalid, (path_.empty() ? "the value" : path_) +
                                       ": expected " + std::string{what} +
                                       ", got " + shown(value_)};
}

void json_node::only(std::initializer_list<std::string_view> names) const {
  if (!is_object()) {
    fail("an object");
    return;
  }
  for (const auto& [name, value] : value_->items()) {
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      continue;
    }
    std::string known;
    for (const std::string_view each : names) {
      known += (known.empty() ? "" : ", ") + std::string{each};
    }
    member(name).fail("no such member (there are: " + known + ")");
    return;
  }
}

json_node json_node::member(std::string_view name) const {
  const nlohmann::json* found = nullptr;
  if (is_object()) {
    const auto at = value_->find(name);
    found = at == value_->end() ? nullptr : &*at;
  }
  return {found, path_ + (path_.empty() ? "" : ".") + std::string{name},
          failure_};
}

std::vector<json_node> json_node::elements() const {
  std::vector<json_node> all;
  if (!is_array()) {
    fail("an array");
    return all;
  }
  all.reserve(value_->size());
  for (const nlohmann::json& each : *value_) {
    all.push_back(json_node{
        &each, path_ + "[" + std::to_string(all.size()) + "]", failure_});
  }
  return all;
}

std::uint64_t json_node::integer(std::uint64_t max) const {
  const bool whole = value_ != nullptr && value_->is_number_integer();
  const bool negative =
      whole && !value_->is_number_unsigned() && value_->get<std::int64_t>() < 0;
  if (!whole || negative || value_->get<std::uint64_t>() > max) {
    fail("an integer from 0 to " + std::to_string(max));
    return 0;
  }
  return value_->get<std::uint64_t>();
}

std::uint64_t json_node::u64() const {
  return integer(std::numeric_limits<std::uint64_t>::max());
}

std::uint32_t json_node::u32() const {
  return static_cast<std::uint32_t>(
      integer(std::numeric_limits<std::uint32_t>::max()));
}

double json_node::number() const {
  if (value_ == nullptr || !value_->is_number()) {
    fail("a number");
    return 0;
  }
  return value_->get<double>();
}

bool json_node::boolean() const {
  if (value_ == nullptr || !value_->is_boolean()) {
    fail("true or false");
    return false;
  }
  return value_->get<bool>();
}

std::string json_node::text() const {
  if (!is_text()) {
    fail("a text");
    return {};
  }
  return value_->get<std::string>();
}

std::vector<std::uint64_t> json_node::u64_list() const {
  std::vector<std::uint64_t> all;
  for (const json_node& each : elements()) {
    all.push_back(each.u64());
  }
  return all;
}

std::optional<std::uint64_t> json_node::optional_u64() const {
  return is_absent() ? std::nullopt : std::optional{u64()};
}

std::optional<std::uint32_t> json_node::optional_u32() const {
  return is_absent() ? std::nullopt : std::optional{u32()};
}

std::optional<std::string> json_node::optional_text() const {
  return is_absent() ? std::nullopt : std::optional{text()};
}

} // namespace dynamo::apps
