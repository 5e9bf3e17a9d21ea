#pragma once

#include "apps/app/http_route.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dynamo::apps {

/// Totals since the start.
struct http_counts {
  std::uint64_t requests = 0;
  /// Answers with a status from 400 on.
  std::uint64_t refused = 0;
};

/// A program's small HTTP server: JSON in, JSON out. An unknown path is
/// answered with 404, a wrong method with 405, a body beyond the limit with
/// 413, a path beyond 2 KiB with 414, a body in several parts or whose size
/// cannot be known with 415, a route that throws with 500, all as
/// {"error": {"code": ..., "message": ...}}. Its owner stops it; everything
/// else is thread-safe.
class http_face {
 public:
  /// Binds, and serves when it returns. errc::unavailable when the address
  /// cannot be bound.
  static result<std::unique_ptr<http_face>>
  start(const http_options& options, std::vector<http_route> routes);

  /// Stops as stop() does.
  ~http_face();
  http_face(const http_face&) = delete;
  http_face& operator=(const http_face&) = delete;

  /// The bound address, with the port that the system chose: "127.0.0.1:4711",
  /// "[::1]:4711".
  const std::string& address() const;
  std::uint16_t port() const;

  http_counts counts() const;

  /// Takes no more requests, hangs up idle connections, and returns when the
  /// requests that run have their answers. Later calls do nothing.
  void stop();

  class implementation;

 private:
  explicit http_face(std::unique_ptr<implementation> parts);

  std::unique_ptr<implementation> parts_;
};

} // namespace dynamo::apps
