#include "dynamo/config/secret.hpp"

#include <algorithm>
#include <variant>

namespace dynamo {

namespace {

constexpr std::string_view hidden = "***";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The length of "nats://" with the blanks before it, or 0.
std::size_t scheme_length(std::string_view server) {
  constexpr std::string_view mark = "://";
  const std::size_t at = server.find(mark);
  const std::size_t first =
      std::min(server.find_first_not_of(" \t\r\n\v\f"), server.size());
  if (at == std::string_view::npos || at < first ||
      !std::all_of(server.begin() + static_cast<std::ptrdiff_t>(first),
                   server.begin() + static_cast<std::ptrdiff_t>(at),
                   is_letter)) {
    return 0;
  }
  return at + mark.size();
}

/// "host", "host:4222" or "[::1]:4222".
bool looks_like_address(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos &&
                        (bracket == std::string_view::npos || bracket < colon);
  const std::string_view host = has_port ? text.substr(0, colon) : text;
  const std::string_view port =
      has_port ? text.substr(colon + 1) : std::string_view{};
  constexpr std::string_view others = "-_.[]:%";
  return std::all_of(port.begin(), port.end(), is_digit) &&
         std::all_of(host.begin(), host.end(), [&](char c) {
           return is_letter(c) || is_digit(c) ||
                  others.find(c) != std::string_view::npos;
         });
}

std::string server_without_secret(std::string_view server) {
  const std::size_t scheme = scheme_length(server);
  const std::string_view rest = server.substr(scheme);
  const std::size_t at = rest.rfind('@');
  if (at == std::string_view::npos) {
    return looks_like_address(trimmed(rest)) ? std::string{server}
                                             : std::string{hidden};
  }
  // Without a colon it is a token.
  const std::size_t colon = rest.substr(0, at).find(':');
  const std::string_view user =
      rest.substr(0, colon == std::string_view::npos ? 0 : colon + 1);
  return std::string{server.substr(0, scheme)} + std::string{user} +
         std::string{hidden} + std::string{rest.substr(at)};
}

} // namespace

std::string servers_without_secrets(std::string_view list) {
  std::string shown;
  while (true) {
    const std::size_t comma = list.find(',');
    shown += server_without_secret(list.substr(0, comma));
    if (comma == std::string_view::npos) {
      return shown;
    }
    shown += ',';
    list.remove_prefix(comma + 1);
  }
}

scalar without_secret(const setting& known, const scalar& value) {
  const auto* text = std::get_if<std::string>(&value);
  switch (known.notes.hidden) {
  case secrecy::none:
    return value;
  case secrecy::in_urls:
    return text == nullptr ? value : scalar{servers_without_secrets(*text)};
  case secrecy::all:
    return text != nullptr && text->empty() ? value
                                            : scalar{std::string{hidden}};
  }
  return value;
}

} // namespace dynamo
