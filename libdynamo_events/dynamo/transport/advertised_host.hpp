#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/transport/ip_address.hpp"

#include <string>
#include <string_view>
#include <vector>

// Under which address publishers of this host are found, by the rules of
// DYN_EVENT_PLANE_HOST in Dynamo 1.6.

namespace dynamo {

/// One address of a network interface.
struct interface_address {
  std::string interface_name;
  ip_address address;
  /// Whether the interface is up.
  bool up = true;
};

/// The address to advertise.
///
/// `wanted` without the white space around it is an IP literal, the exact name
/// of an interface, or empty. Of a named interface, and of all that are up
/// when it is empty, the first usable IPv4 address that is not loopback is
/// taken, else such an IPv6 address, else loopback; 127.0.0.1 when nothing is
/// wanted and nothing is there.
///
/// errc::invalid for an unspecified address, a name that no interface has
/// (host names, "localhost" too), an interface without a usable address, or
/// text that is not UTF-8.
result<ip_address>
choose_advertised_host(std::string_view wanted,
                       const std::vector<interface_address>& interfaces);

/// The addresses of this host, in the order of the operating system. errc::io
/// when it does not tell.
result<std::vector<interface_address>> list_interface_addresses();

} // namespace dynamo
