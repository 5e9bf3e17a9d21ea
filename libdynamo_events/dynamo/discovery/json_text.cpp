#include "dynamo/discovery/json_text.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <functional>
#include <optional>

namespace dynamo {

namespace {

constexpr std::size_t depth_max = 128;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Walks over text whose syntax was checked before; stays within it even so.
class scanner {
 public:
  explicit scanner(std::string_view text)
      : text_(text) {}

  char peek() {
    while (at_ < text_.size() && is_space(text_[at_])) {
      ++at_;
    }
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool take(char expected) {
    if (peek() != expected) {
      return false;
    }
    ++at_;
    return true;
  }

  /// One whole value.
  std::string_view value() {
    static_cast<void>(peek());
    const std::size_t start = at_;
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (depth == 0 &&
          (c == ',' || c == '}' || c == ']' || c == ':' || is_space(c))) {
        break;
      }
      if (c == '"') {
        skip_string();
        continue;
      }
      if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        --depth;
      }
      ++at_;
      if (depth == 0 && (c == '}' || c == ']')) {
        break;
      }
    }
    return text_.substr(start, at_ - start);
  }

 private:
  void skip_string() {
    ++at_;
    while (at_ < text_.size() && text_[at_] != '"') {
      at_ += text_[at_] == '\\' ? 2 : 1;
    }
    at_ = std::min(at_ + 1, text_.size());
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool nests_too_deeply(std::string_view text) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) {
        return true;
      }
    } else if (c == '}' || c == ']') {
      depth -= depth > 0 ? 1 : 0;
    }
  }
  return false;
}

std::optional<std::string> unquoted(std::string_view text) {
  if (text.empty() || text.front() != '"') {
    return std::nullopt;
  }
  const auto value =
      nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (!value.is_string()) {
    return std::nullopt;
  }
  return value.get_ref<const std::string&>();
}

} // namespace

std::string json_quote(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false,
                                   nlohmann::json::error_handler_t::replace);
}

bool is_json(std::string_view text) {
  return !nests_too_deeply(text) &&
         nlohmann::json::accept(text.begin(), text.end());
}

result<json_object> json_object::read(std::string_view text, std::string name) {
  json_object read;
  read.name_ = std::move(name);
  scanner scan{text};
  // Looking at the first byte also refuses a byte order mark, which the
  // library would skip.
  if (scan.peek() != '{' || !is_json(text)) {
    return error{errc::malformed, read.name_ + ": expected a JSON object"};
  }
  scan.take('{');
  while (scan.peek() == '"') {
    auto member = unquoted(scan.value());
    if (!member || !scan.take(':')) {
      return error{errc::malformed, read.name_ + ": expected a member"};
    }
    const std::string_view value = scan.value();
    if (!read.members_.try_emplace(*member, value).second) {
      return error{errc::malformed,
                   read.name_ + ": member \"" + *member + "\" stands twice"};
    }
    scan.take(',');
  }
  return read;
}

bool json_object::has(std::string_view member) const {
  const auto found = members_.find(member);
  return found != members_.end() && found->second != "null";
}

error json_object::unlike(std::string_view member,
                          std::string_view expected) const {
  std::string message = name_ + ": member \"";
  message.append(member).append("\": expected ").append(expected);
  message += has(member) ? ", got another value" : ", it is missing";
  return {errc::malformed, std::move(message)};
}

result<std::string> json_object::string(std::string_view member) const {
  const auto found = members_.find(member);
  if (found != members_.end()) {
    if (auto value = unquoted(found->second)) {
      return *std::move(value);
    }
  }
  return unlike(member, "a string");
}

result<std::uint64_t> json_object::number(std::string_view member) const {
  const auto found = members_.find(member);
  if (found != members_.end()) {
    const std::string_view digits = found->second;
    const char* last = digits.data() + digits.size();
    std::uint64_t value = 0;
    const auto end = std::from_chars(digits.data(), last, value);
    if (end.ec == std::errc{} && end.ptr == last) {
      return value;
    }
  }
  return unlike(member, "an unsigned 64-bit number");
}

result<std::vector<std::string>>
json_object::strings(std::string_view member) const {
  const auto found = members_.find(member);
  if (found != members_.end()) {
    scanner scan{found->second};
    std::vector<std::string> values;
    if (scan.take('[')) {
      while (scan.peek() != ']') {
        auto value = unquoted(scan.value());
        if (!value) {
          return unlike(member, "an array of strings");
        }
        values.push_back(*std::move(value));
        scan.take(',');
      }
      return values;
    }
  }
  return unlike(member, "an array of strings");
}

result<json_object> json_object::object(std::string_view member) const {
  const auto found = members_.find(member);
  if (found == members_.end() || !found->second.starts_with('{')) {
    return unlike(member, "an object");
  }
  return read(found->second, name_ + "." + std::string{member});
}

result<std::string> json_object::text(std::string_view member) const {
  const auto found = members_.find(member);
  if (found == members_.end()) {
    return unlike(member, "a value");
  }
  return std::string{found->second};
}

} // namespace dynamo
