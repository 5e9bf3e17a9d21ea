#include "dynamo/transport/tcp_endpoint.hpp"

#include <charconv>

namespace dynamo {

namespace {

constexpr std::string_view scheme = "tcp://";
constexpr std::string_view wildcard = "*";

error invalid(std::string_view text, std::string_view what) {
  return {errc::invalid, "endpoint '" + std::string{text} + "': expected " +
                             std::string{what}};
}

struct endpoint_parts {
  std::string_view host;
  std::string_view port;
};

result<endpoint_parts> split(std::string_view text) {
  if (!text.starts_with(scheme)) {
    return invalid(text, "tcp://<address>:<port>");
  }
  const std::string_view rest = text.substr(scheme.size());
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) {
    return invalid(text, "a port");
  }
  return endpoint_parts{rest.substr(0, colon), rest.substr(colon + 1)};
}

/// `port_min` 0 allows what only a socket that is bound can have.
result<tcp_endpoint> parse(std::string_view text, std::uint16_t port_min) {
  const bool binds = port_min == 0;
  const auto parts = split(text);
  if (!parts) {
    return parts.error();
  }
  const auto [host, digits] = *parts;
  tcp_endpoint endpoint;
  if (!binds || digits != wildcard) {
    const auto [end, failure] = std::from_chars(
        digits.data(), digits.data() + digits.size(), endpoint.port);
    if (failure != std::errc{} || end != digits.data() + digits.size() ||
        endpoint.port < port_min) {
      return invalid(text,
                     "a port from " + std::to_string(port_min) + " to 65535");
    }
  }
  if (binds && host == wildcard) {
    return endpoint;
  }
  const auto address = parse_ip_address(host);
  if (!address) {
    return invalid(text, "an IP address before the port");
  }
  if (host.find(':') != std::string_view::npos && host.front() != '[') {
    return invalid(text, "brackets around an IPv6 address");
  }
  endpoint.host = *address;
  return endpoint;
}

} // namespace

result<tcp_endpoint> parse_tcp_endpoint(std::string_view text) {
  auto endpoint = parse(text, 1);
  if (endpoint && is_unspecified(endpoint->host)) {
    return invalid(text, "the address of a host");
  }
  return endpoint;
}

result<tcp_endpoint> parse_bind_endpoint(std::string_view text) {
  return parse(text, 0);
}

std::string bracketed(const ip_address& host) {
  const std::string text = to_string(host);
  return host.family == ip_family::v6 ? "[" + text + "]" : text;
}

std::string to_string(const tcp_endpoint& endpoint) {
  return std::string{scheme} + bracketed(endpoint.host) + ":" +
         std::to_string(endpoint.port);
}

} // namespace dynamo
