#include "apps/app/http_path.hpp"

#include <charconv>

namespace dynamo::apps {

namespace {

/// Takes the text up to the next slash off `rest`.
std::string_view take_piece(std::string_view& rest) {
  const std::size_t length = rest.find('/');
  const std::string_view piece = rest.substr(0, length);
  rest.remove_prefix(length == std::string_view::npos ? rest.size()
                                                      : length + 1);
  return piece;
}

bool is_parameter(std::string_view piece) {
  return piece.starts_with('{') && piece.ends_with('}');
}

/// Pieces of a path, without what stands before its first slash.
std::size_t count_pieces(std::string_view path) {
  std::size_t count = 0;
  for (const char each : path) {
    count += each == '/' ? 1U : 0U;
  }
  return count;
}

} // namespace

std::optional<std::string> decode_percent(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    unsigned char byte = 0;
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (failure != std::errc{} || digits.size() != 2 ||
        end != digits.data() + digits.size()) {
      return std::nullopt;
    }
    plain += static_cast<char>(byte);
    i += 2;
  }
  return plain;
}

path_pattern::path_pattern(std::string_view path) {
  const std::size_t count = count_pieces(path);
  path.remove_prefix(path.starts_with('/') ? 1 : 0);
  for (std::size_t i = 0; i < count; ++i) {
    pieces_.emplace_back(take_piece(path));
  }
}

std::optional<http_parameters>
path_pattern::match(std::string_view path) const {
  if (!path.starts_with('/') || count_pieces(path) != pieces_.size()) {
    return std::nullopt;
  }
  path.remove_prefix(1);
  http_parameters found;
  for (const std::string& expected : pieces_) {
    auto piece = decode_percent(take_piece(path));
    if (!piece) {
      return std::nullopt;
    }
    if (!is_parameter(expected)) {
      if (*piece != expected) {
        return std::nullopt;
      }
      continue;
    }
    if (piece->empty() || piece->size() > path_parameter_bytes_max) {
      return std::nullopt;
    }
    found.emplace(expected.substr(1, expected.size() - 2), *std::move(piece));
  }
  return found;
}

} // namespace dynamo::apps
