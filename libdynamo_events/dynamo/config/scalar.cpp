#include "dynamo/config/scalar.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace dynamo {

namespace {

constexpr std::size_t message_length_max = 60;

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a')
                                        : letter;
}

struct json_writer {
  std::string operator()(std::monostate) const { return "null"; }
  std::string operator()(json_container value) const {
    return value == json_container::object ? "an object" : "an array";
  }
  template <class T>
  std::string operator()(const T& value) const {
    // Bytes that are not UTF-8 can come from a flag; they must not throw.
    return nlohmann::json(value).dump(-1, ' ', false,
                                      nlohmann::json::error_handler_t::replace);
  }
};

template <class T>
std::optional<T> number_from(std::string_view text) {
  T value{};
  const auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

} // namespace

std::string to_json(const scalar& value) {
  return std::visit(json_writer{}, value);
}

std::string to_message(const scalar& value) {
  std::string text = to_json(value);
  if (text.size() > message_length_max) {
    text.resize(message_length_max);
    // Not in the middle of a UTF-8 character.
    while ((static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) {
      text.pop_back();
    }
    if ((static_cast<unsigned char>(text.back()) & 0x80U) != 0) {
      text.pop_back();
    }
    text += "...";
  }
  return text;
}

scalar scalar_from(scalar_type type, std::string_view text) {
  const std::string_view inner = trimmed(text);
  if (type == scalar_type::boolean) {
    for (const std::string_view word : {"true", "1", "on", "yes"}) {
      if (same_name(inner, word)) {
        return true;
      }
    }
    for (const std::string_view word : {"false", "0", "off", "no"}) {
      if (same_name(inner, word)) {
        return false;
      }
    }
  }
  if (type == scalar_type::integer || type == scalar_type::number) {
    if (const auto whole = number_from<std::uint64_t>(inner)) {
      return *whole;
    }
    if (const auto negative = number_from<std::int64_t>(inner)) {
      return *negative;
    }
    if (const auto real = number_from<double>(inner)) {
      return *real;
    }
  }
  return std::string{text};
}

scalar scaled(const scalar& value, std::uint64_t scale) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  if (scale == 1) {
    return value;
  }
  if (const auto* whole = std::get_if<std::uint64_t>(&value)) {
    return *whole > most / scale ? most : *whole * scale;
  }
  const auto* real = std::get_if<double>(&value);
  // Written so that NaN stays what it is.
  if (real == nullptr || !(*real >= 0)) {
    return value;
  }
  const double product = std::round(*real * static_cast<double>(scale));
  if (product >= static_cast<double>(most)) {
    return most;
  }
  const auto rounded = static_cast<std::uint64_t>(product);
  return rounded == 0 && *real > 0 ? std::uint64_t{1} : rounded;
}

bool same_name(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace dynamo
