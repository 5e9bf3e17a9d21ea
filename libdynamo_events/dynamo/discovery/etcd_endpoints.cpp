#include "dynamo/discovery/etcd_endpoints.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace dynamo {

namespace {

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, last - first + 1);
}

bool is_host(std::string_view text) {
  const bool bracketed =
      text.size() > 2 && text.front() == '[' && text.back() == ']';
  const std::string_view inner =
      bracketed ? text.substr(1, text.size() - 2) : text;
  return !inner.empty() &&
         std::all_of(inner.begin(), inner.end(), [bracketed](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                  (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
                  (bracketed && (c == ':' || c == '%'));
         });
}

bool is_port(std::string_view text) {
  std::uint32_t port = 0;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc{} && end == text.data() + text.size() &&
         port > 0 && port < 65'536;
}

error no_endpoint(std::string_view text, std::string_view reason) {
  return {errc::invalid, "etcd endpoints: \"" + std::string{text} +
                             "\": " + std::string{reason}};
}

result<std::string> endpoint_from(std::string_view text) {
  if (text.find('@') != std::string_view::npos) {
    return error{errc::invalid,
                 "etcd endpoints: expected no user name or password in them; "
                 "they have settings of their own"};
  }
  const std::size_t mark = text.find("://");
  const bool is_bare = mark == std::string_view::npos;
  std::string scheme{is_bare ? "http" : text.substr(0, mark)};
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (scheme != "http" && scheme != "https") {
    return no_endpoint(text, "expected http:// or https://");
  }
  std::string_view rest = is_bare ? text : text.substr(mark + 3);
  if (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  const std::size_t bracket = rest.rfind(']');
  const std::size_t colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos &&
                        (bracket == std::string_view::npos || bracket < colon);
  const std::string_view host = has_port ? rest.substr(0, colon) : rest;
  if (!is_host(host) || (has_port && !is_port(rest.substr(colon + 1)))) {
    return no_endpoint(text, "expected a host and a port, such as "
                             "http://localhost:2379");
  }
  std::string origin = scheme + "://" + std::string{rest};
  if (is_bare && !has_port) {
    origin += ":2379";
  }
  return origin;
}

} // namespace

result<std::vector<std::string>> etcd_endpoints_from(std::string_view list) {
  std::vector<std::string> endpoints;
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string_view text = without_blanks(list.substr(0, comma));
    if (!text.empty()) {
      auto endpoint = endpoint_from(text);
      if (!endpoint) {
        return std::move(endpoint).error();
      }
      if (std::find(endpoints.begin(), endpoints.end(), *endpoint) ==
          endpoints.end()) {
        endpoints.push_back(*std::move(endpoint));
      }
    }
    if (comma == std::string_view::npos) {
      break;
    }
    list.remove_prefix(comma + 1);
  }
  if (endpoints.empty()) {
    return error{errc::invalid,
                 "etcd endpoints: expected at least one, such as "
                 "http://localhost:2379"};
  }
  return endpoints;
}

} // namespace dynamo
