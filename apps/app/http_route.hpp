#pragma once

#include "apps/app/http_path.hpp"
#include "dynamo/base/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <variant>

// What an HTTP face is asked, and what it answers.

namespace dynamo::apps {

/// What a route is asked. Everything is valid during the call.
struct http_request {
  std::string_view body;
  /// What the pieces in braces of the route's path stand for.
  http_parameters path;
  /// What follows the question mark; of equal names the first.
  http_parameters query;
};

/// A whole answer; the body is JSON text unless another type is said.
struct http_answer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};

/// 200 with a JSON value.
http_answer reply(const nlohmann::json& body);

/// {"error": {"code": code, "message": message}}: a word for programs, and a
/// sentence for people.
http_answer refuse(int status, std::string_view code, std::string_view message);

/// The same for an error, with its code's name and the status that suits it:
/// 413 for errc::too_large, 404 for not_found, 503 for unavailable and closed,
/// 400 for all others.
http_answer refuse(const error& reason);

/// Sends one JSON text as a line; false when the client has gone.
using send_line = std::function<bool(std::string_view json)>;

/// An answer line by line (NDJSON), written while it is called, on the
/// request's thread. It returns to end the answer.
using http_stream = std::function<void(const send_line& send)>;

using http_outcome = std::variant<http_answer, http_stream>;

enum class http_method { get, post, erase };

/// "GET", "POST", "DELETE".
std::string_view to_string(http_method method);

/// What answers one path, "/requests/{id}" for instance; a route for GET
/// answers HEAD, too. Called from many threads at a time. It may wait, for it
/// has a thread of its own, but must end when the program stops.
struct http_route {
  http_method method = http_method::get;
  std::string path;
  std::function<http_outcome(const http_request& request)> answer;
};

/// A route's answer from the request's JSON object; a body that is none is
/// answered with 400 and never seen.
std::function<http_outcome(const http_request&)>
on_json(std::function<http_outcome(const nlohmann::json& body)> answer);

} // namespace dynamo::apps
