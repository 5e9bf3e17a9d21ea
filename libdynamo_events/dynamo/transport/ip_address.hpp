#pragma once

#include "dynamo/base/error.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace dynamo {

/// The two generations of the Internet protocol.
enum class ip_family { v4, v6 };

/// An IPv4 or IPv6 address. An IPv4 address in IPv6 clothes (::ffff:10.0.0.5)
/// is held as the IPv4 address that it is.
struct ip_address {
  ip_family family = ip_family::v4;
  /// In network order; an IPv4 address uses the first four.
  std::array<std::uint8_t, 16> bytes{};

  bool operator==(const ip_address&) const = default;
};

/// Reads a literal; an IPv6 literal may stand in brackets. errc::malformed for
/// anything else, names and zones (fe80::1%eth0) among it.
result<ip_address> parse_ip_address(std::string_view text);

/// The canonical form, without brackets.
std::string to_string(const ip_address& address);

/// 0.0.0.0 or ::
bool is_unspecified(const ip_address& address);
/// 127.0.0.0/8 or ::1
bool is_loopback(const ip_address& address);
/// Whether a peer on another host may find somebody there: not unspecified,
/// multicast, the IPv4 broadcast or IPv6 link-local.
bool is_usable(const ip_address& address);

} // namespace dynamo
