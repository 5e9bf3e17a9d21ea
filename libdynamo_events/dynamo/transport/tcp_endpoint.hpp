#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/transport/ip_address.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dynamo {

/// Where a socket can be reached.
struct tcp_endpoint {
  ip_address host;
  std::uint16_t port = 0;

  bool operator==(const tcp_endpoint&) const = default;
};

/// Reads "tcp://10.0.0.5:40123" or "tcp://[fd00::5]:40123". Only literals:
/// Dynamo advertises nothing else, and libzmq would look up a name on the
/// thread that serves all sockets. errc::invalid says what is wrong; port 0,
/// the unspecified addresses and every other protocol are refused, because
/// endpoints come from records that anybody may have written.
result<tcp_endpoint> parse_tcp_endpoint(std::string_view text);

/// Reads where to bind: as above, but the host may be unspecified or "*", for
/// 0.0.0.0, and the port 0 or "*": the system chooses. errc::invalid as above.
result<tcp_endpoint> parse_bind_endpoint(std::string_view text);

/// The canonical form.
std::string to_string(const tcp_endpoint& endpoint);

/// The host as it stands in an endpoint: IPv6 in brackets.
std::string bracketed(const ip_address& host);

} // namespace dynamo
