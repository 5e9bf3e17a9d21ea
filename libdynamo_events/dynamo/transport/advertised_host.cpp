#include "dynamo/transport/advertised_host.hpp"

#include "dynamo/base/bytes.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <optional>

namespace dynamo {

namespace {

error invalid(std::string_view wanted, std::string_view why) {
  return {errc::invalid, "advertised host '" + std::string{wanted} +
                             "' (DYN_EVENT_PLANE_HOST): " + std::string{why}};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view white_space = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

/// Lower is better; nothing when the address must not be advertised.
std::optional<int> rank(const ip_address& address) {
  if (!is_usable(address)) {
    return std::nullopt;
  }
  const int family = address.family == ip_family::v4 ? 0 : 1;
  return is_loopback(address) ? 2 + family : family;
}

template <class Predicate>
std::optional<ip_address> best(const std::vector<interface_address>& interfaces,
                               Predicate counts) {
  std::optional<ip_address> chosen;
  int chosen_rank = 0;
  for (const auto& candidate : interfaces) {
    const auto candidate_rank = rank(candidate.address);
    if (!candidate_rank || !counts(candidate)) {
      continue;
    }
    if (!chosen || *candidate_rank < chosen_rank) {
      chosen = candidate.address;
      chosen_rank = *candidate_rank;
    }
  }
  return chosen;
}

std::optional<ip_address> address_of(const sockaddr* socket_address) {
  ip_address address;
  if (socket_address == nullptr) {
    return std::nullopt;
  }
  if (socket_address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, socket_address, sizeof v4);
    std::memcpy(address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    return address;
  }
  if (socket_address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, socket_address, sizeof v6);
    std::memcpy(address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    address.family = ip_family::v6;
    return address;
  }
  return std::nullopt;
}

} // namespace

result<ip_address>
choose_advertised_host(std::string_view wanted,
                       const std::vector<interface_address>& interfaces) {
  if (!is_utf8(wanted)) {
    return error{errc::invalid,
                 "advertised host (DYN_EVENT_PLANE_HOST): not UTF-8"};
  }
  const std::string_view name = trimmed(wanted);
  if (name.empty()) {
    const auto found =
        best(interfaces, [](const interface_address& one) { return one.up; });
    return found ? *found : *parse_ip_address("127.0.0.1");
  }
  if (const auto literal = parse_ip_address(name)) {
    if (is_unspecified(*literal)) {
      return invalid(name, "unspecified IP addresses cannot be advertised");
    }
    return *literal;
  }
  const auto has_name = [name](const interface_address& one) {
    return one.interface_name == name;
  };
  if (std::none_of(interfaces.begin(), interfaces.end(), has_name)) {
    return invalid(name, "expected an IP address or the name of an interface; "
                         "interface not found");
  }
  if (const auto found = best(interfaces, has_name)) {
    return *found;
  }
  return invalid(name, "the interface has no address that can be advertised");
}

result<std::vector<interface_address>> list_interface_addresses() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) {
    return error{errc::io,
                 std::string{"network interfaces: "} + std::strerror(errno)};
  }
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner{first, freeifaddrs};
  std::vector<interface_address> found;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (const auto address = address_of(one->ifa_addr)) {
      found.push_back(
          {one->ifa_name, *address, (one->ifa_flags & IFF_UP) != 0});
    }
  }
  return found;
}

} // namespace dynamo
