#include "dynamo/transport/ip_address.hpp"

#include <algorithm>
#include <arpa/inet.h>

namespace dynamo {

namespace {

constexpr std::size_t v4_size = 4;
constexpr std::array<std::uint8_t, 12> v4_mapped_prefix = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_v4(const ip_address& address) {
  return address.family == ip_family::v4;
}

bool is_multicast(const ip_address& address) {
  const std::uint8_t first = address.bytes[0];
  return is_v4(address) ? (first & 0xf0) == 0xe0 : first == 0xff;
}

bool is_v4_broadcast(const ip_address& address) {
  return is_v4(address) &&
         std::all_of(address.bytes.begin(), address.bytes.begin() + v4_size,
                     [](std::uint8_t byte) { return byte == 0xff; });
}

bool is_v6_link_local(const ip_address& address) {
  return !is_v4(address) && address.bytes[0] == 0xfe &&
         (address.bytes[1] & 0xc0) == 0x80;
}

ip_address unmapped(ip_address address) {
  if (!std::equal(v4_mapped_prefix.begin(), v4_mapped_prefix.end(),
                  address.bytes.begin())) {
    return address;
  }
  ip_address v4;
  std::copy_n(address.bytes.begin() + v4_mapped_prefix.size(), v4_size,
              v4.bytes.begin());
  return v4;
}

} // namespace

result<ip_address> parse_ip_address(std::string_view text) {
  const bool bracketed =
      text.size() >= 2 && text.front() == '[' && text.back() == ']';
  const std::string literal{bracketed ? text.substr(1, text.size() - 2) : text};
  ip_address address;
  // inet_pton reads up to the first zero byte, which a hostile record may hold.
  const bool whole = literal.find('\0') == std::string::npos;
  if (whole && !bracketed &&
      inet_pton(AF_INET, literal.c_str(), address.bytes.data()) == 1) {
    return address;
  }
  if (whole &&
      inet_pton(AF_INET6, literal.c_str(), address.bytes.data()) == 1) {
    address.family = ip_family::v6;
    return unmapped(address);
  }
  return error{errc::malformed,
               "expected an IP address, got '" + std::string{text} + "'"};
}

std::string to_string(const ip_address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v4(address) ? AF_INET : AF_INET6, address.bytes.data(),
            text.data(), text.size());
  return text.data();
}

bool is_unspecified(const ip_address& address) {
  return std::all_of(address.bytes.begin(), address.bytes.end(),
                     [](std::uint8_t byte) { return byte == 0; });
}

bool is_loopback(const ip_address& address) {
  if (is_v4(address)) {
    return address.bytes[0] == 127;
  }
  return address.bytes.back() == 1 &&
         std::all_of(address.bytes.begin(), address.bytes.end() - 1,
                     [](std::uint8_t byte) { return byte == 0; });
}

bool is_usable(const ip_address& address) {
  return !is_unspecified(address) && !is_multicast(address) &&
         !is_v4_broadcast(address) && !is_v6_link_local(address);
}

} // namespace dynamo
