#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dynamo::apps {

/// A whole answer; the body is JSON text.
struct http_answer {
  int status = 200;
  std::string body;
};

/// 200 with a JSON value.
http_answer reply(const nlohmann::json& body);

/// {"error": reason}.
http_answer refuse(int status, std::string_view reason);

/// Sends one JSON text as a line; false when the client has gone.
using send_line = std::function<bool(std::string_view json)>;

/// An answer line by line (NDJSON), written while it is called, on the
/// request's thread. It returns to end the answer.
using http_stream = std::function<void(const send_line& send)>;

using http_outcome = std::variant<http_answer, http_stream>;

enum class http_method { get, post };

/// What answers one path. Called from many threads at a time; `body` is the
/// request's text and valid during the call. It may wait, for it has a thread
/// of its own, but must end when the program stops.
struct http_route {
  http_method method = http_method::get;
  std::string path;
  std::function<http_outcome(std::string_view body)> answer;
};

/// A route's answer from the request's JSON object; a body that is none is
/// answered with 400 and never seen.
std::function<http_outcome(std::string_view)>
on_json(std::function<http_outcome(const nlohmann::json& body)> answer);

/// Totals since the start.
struct http_counts {
  std::uint64_t requests = 0;
  /// Answers with a status from 400 on.
  std::uint64_t refused = 0;
};

/// A program's small HTTP server: JSON in, JSON out. An unknown path is
/// answered with 404, a wrong method with 405, a body beyond the limit with
/// 413, one that calls itself a form and is larger than 8 KiB, or whose size
/// cannot be known, with 415, a route that throws with 500, all as
/// {"error": ...}. Its owner stops it; everything else is thread-safe.
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
