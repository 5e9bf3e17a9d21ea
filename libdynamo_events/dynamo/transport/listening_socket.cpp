#include "dynamo/transport/listening_socket.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace dynamo {

namespace {

/// As many as a cluster's restart may bring at once; the system has its own
/// limit below that.
constexpr int backlog = 4096;

error failure(errc code, const std::string& what) {
  const int number = errno;
  return {code, what + ": " + std::strerror(number)};
}

socklen_t fill(sockaddr_storage& to, const tcp_endpoint& from) {
  if (from.host.family == ip_family::v4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(from.port);
    std::memcpy(&v4.sin_addr, from.host.bytes.data(), sizeof v4.sin_addr);
    std::memcpy(&to, &v4, sizeof v4);
    return sizeof v4;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(from.port);
  std::memcpy(&v6.sin6_addr, from.host.bytes.data(), sizeof v6.sin6_addr);
  std::memcpy(&to, &v6, sizeof v6);
  return sizeof v6;
}

void set(int descriptor, int level, int name, int value) {
  // What a system lacks of these is no reason not to serve.
  static_cast<void>(setsockopt(descriptor, level, name, &value, sizeof value));
}

result<std::uint16_t> bound_port(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) !=
      0) {
    return failure(errc::io, "getsockname");
  }
  // The port stands at the same place in both families.
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof v4);
  return ntohs(v4.sin_port);
}

} // namespace

result<std::unique_ptr<listening_socket>>
listening_socket::open(const tcp_endpoint& where) {
  const bool is_v4 = where.host.family == ip_family::v4;
  const int descriptor =
      socket(is_v4 ? AF_INET : AF_INET6,
             SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (descriptor < 0) {
    return failure(errc::io, "open a socket");
  }
  std::unique_ptr<listening_socket> opened{new listening_socket{descriptor}};
  set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  if (!is_v4) {
    set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  }
  sockaddr_storage address{};
  const socklen_t size = fill(address, where);
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size) !=
          0 ||
      listen(descriptor, backlog) != 0) {
    return failure(errc::unavailable, "bind " + to_string(where));
  }
  const auto port = bound_port(descriptor);
  if (!port) {
    return port.error();
  }
  opened->endpoint_ = {where.host, *port};
  return opened;
}

listening_socket::~listening_socket() {
  close(descriptor_);
}

result<std::optional<int>> listening_socket::accept() {
  const int come =
      accept4(descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (come >= 0) {
    set(come, IPPROTO_TCP, TCP_NODELAY, 1);
    set(come, SOL_SOCKET, SO_KEEPALIVE, 1);
    return std::optional<int>{come};
  }
  switch (errno) {
  case EMFILE:
  case ENFILE:
  case ENOBUFS:
  case ENOMEM:
    return failure(errc::io, "accept a subscriber");
  default:
    // None waits, or the one that did has gone.
    return std::optional<int>{};
  }
}

} // namespace dynamo
