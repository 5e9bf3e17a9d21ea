#include "dynamo/transport/tcp_endpoint.hpp"

#include <charconv>

namespace dynamo {

namespace {

constexpr std::string_view scheme = "tcp://";

error invalid(std::string_view text, std::string_view what) {
  return {errc::invalid, "endpoint '" + std::string{text} + "': expected " +
                             std::string{what}};
}

} // namespace

result<tcp_endpoint> parse_tcp_endpoint(std::string_view text) {
  if (!text.starts_with(scheme)) {
    return invalid(text, "tcp://<address>:<port>");
  }
  const std::string_view rest = text.substr(scheme.size());
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) {
    return invalid(text, "a port");
  }

  const std::string_view digits = rest.substr(colon + 1);
  tcp_endpoint endpoint;
  const auto [end, failure] = std::from_chars(
      digits.data(), digits.data() + digits.size(), endpoint.port);
  if (failure != std::errc{} || end != digits.data() + digits.size() ||
      endpoint.port == 0) {
    return invalid(text, "a port from 1 to 65535");
  }

  const std::string_view host = rest.substr(0, colon);
  const auto address = parse_ip_address(host);
  if (!address) {
    return invalid(text, "an IP address before the port");
  }
  if (host.find(':') != std::string_view::npos && host.front() != '[') {
    return invalid(text, "brackets around an IPv6 address");
  }
  if (is_unspecified(*address)) {
    return invalid(text, "the address of a host");
  }
  endpoint.host = *address;
  return endpoint;
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
