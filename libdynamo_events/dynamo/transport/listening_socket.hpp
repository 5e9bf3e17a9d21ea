#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/transport/tcp_endpoint.hpp"

#include <memory>
#include <optional>

namespace dynamo {

/// A TCP socket that listens and does not block. Not thread-safe.
class listening_socket {
 public:
  /// Port 0: the system chooses. At an IPv6 wildcard IPv4 is heard, too.
  /// errc::unavailable when the address cannot be bound, errc::io when there
  /// is no socket.
  static result<std::unique_ptr<listening_socket>>
  open(const tcp_endpoint& where);

  ~listening_socket();
  listening_socket(const listening_socket&) = delete;
  listening_socket& operator=(const listening_socket&) = delete;

  int descriptor() const { return descriptor_; }
  /// With the port that the system chose.
  const tcp_endpoint& endpoint() const { return endpoint_; }

  /// A connection that does not block and is the caller's to close; nothing
  /// when none waits. errc::io when the system gives no descriptor.
  result<std::optional<int>> accept();

 private:
  explicit listening_socket(int descriptor)
      : descriptor_(descriptor) {}

  const int descriptor_;
  tcp_endpoint endpoint_;
};

} // namespace dynamo
