#include "apps/app/number_array.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace dynamo::apps {

namespace {

bool is_blank(char each) {
  return each == ' ' || each == '\n' || each == '\r' || each == '\t';
}

bool is_digit(char each) {
  return each >= '0' && each <= '9';
}

void skip_blanks(std::string_view& rest) {
  const auto* end = std::find_if_not(rest.begin(), rest.end(), is_blank);
  rest.remove_prefix(static_cast<std::size_t>(end - rest.begin()));
}

bool skip(std::string_view& rest, char expected) {
  if (!rest.starts_with(expected)) {
    return false;
  }
  rest.remove_prefix(1);
  return true;
}

/// Takes a string without its quotes off `rest`, escapes as they are.
std::optional<std::string_view> take_string(std::string_view& rest) {
  if (!rest.starts_with('"')) {
    return std::nullopt;
  }
  for (std::size_t end = 1; end < rest.size(); ++end) {
    if (rest[end] == '\\') {
      ++end;
    } else if (rest[end] == '"') {
      const std::string_view text = rest.substr(1, end - 1);
      rest.remove_prefix(end + 1);
      return text;
    }
  }
  return std::nullopt;
}

/// Goes behind any value, without looking whether it is a good one. False when
/// the text ends before it does.
bool skip_value(std::string_view& rest) {
  std::size_t depth = 0;
  while (!rest.empty()) {
    const char next = rest.front();
    if (next == '"') {
      if (!take_string(rest)) {
        return false;
      }
      continue;
    }
    if (depth == 0 && (next == ',' || next == '}' || next == ']')) {
      return true;
    }
    depth += next == '[' || next == '{' ? 1U : 0U;
    depth -= next == ']' || next == '}' ? 1U : 0U;
    rest.remove_prefix(1);
  }
  return false;
}

template <class Integer>
bool take_integer(std::string_view& rest, Integer& number) {
  const auto [end, failure] =
      std::from_chars(rest.data(), rest.data() + rest.size(), number);
  const auto length = static_cast<std::size_t>(end - rest.data());
  // JSON knows no leading zeros.
  if (failure != std::errc{} || (length > 1 && rest.front() == '0')) {
    return false;
  }
  rest.remove_prefix(length);
  return true;
}

/// Nothing when it is anything else than an array of such integers; then
/// `rest` is where it was.
template <class Integer>
std::optional<std::vector<Integer>> take_array(std::string_view& rest) {
  std::string_view ahead = rest;
  if (!skip(ahead, '[')) {
    return std::nullopt;
  }
  std::vector<Integer> numbers;
  skip_blanks(ahead);
  if (!skip(ahead, ']')) {
    do {
      skip_blanks(ahead);
      Integer number = 0;
      if (ahead.empty() || !is_digit(ahead.front()) ||
          !take_integer(ahead, number)) {
        return std::nullopt;
      }
      numbers.push_back(number);
      skip_blanks(ahead);
    } while (skip(ahead, ','));
    if (!skip(ahead, ']')) {
      return std::nullopt;
    }
  }
  rest = ahead;
  return numbers;
}

/// Takes an array out of the text if it is one, and was not there before.
template <class Integer>
bool take_into(std::optional<std::vector<Integer>>& array,
               std::string_view& rest) {
  if (array) {
    return false;
  }
  array = take_array<Integer>(rest);
  return array.has_value();
}

} // namespace

std::string take_arrays(std::string_view text, number_arrays& arrays) {
  std::string kept;
  std::string_view rest = text;
  skip_blanks(rest);
  if (!skip(rest, '{')) {
    return std::string{text};
  }
  const char* copied = text.data();
  do {
    skip_blanks(rest);
    const auto name = take_string(rest);
    skip_blanks(rest);
    if (!name || !skip(rest, ':')) {
      break;
    }
    skip_blanks(rest);
    const char* value = rest.data();
    const bool taken =
        (name == "tokens" && take_into(arrays.tokens, rest)) ||
        (name == "block_hashes" && take_into(arrays.block_hashes, rest));
    if (taken) {
      kept.append(copied, value).append("null");
      copied = rest.data();
    }
    if (!skip_value(rest)) {
      break;
    }
  } while (skip(rest, ','));
  return kept.append(copied, text.data() + text.size());
}

} // namespace dynamo::apps
