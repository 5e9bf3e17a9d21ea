#include "apps/app/http_route.hpp"

#include "apps/app/json_body.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace dynamo::apps {

std::string_view to_string(http_method method) {
  switch (method) {
  case http_method::get:
    return "GET";
  case http_method::post:
    return "POST";
  case http_method::erase:
    return "DELETE";
  }
  return "";
}

http_answer reply(const nlohmann::json& body) {
  http_answer answer;
  answer.body =
      body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return answer;
}

http_answer refuse(int status, std::string_view code,
                   std::string_view message) {
  http_answer answer =
      reply({{"error", {{"code", code}, {"message", message}}}});
  answer.status = status;
  return answer;
}

http_answer refuse(const error& reason) {
  int status = 400;
  switch (reason.code) {
  case errc::too_large:
    status = 413;
    break;
  case errc::not_found:
    status = 404;
    break;
  case errc::unavailable:
  case errc::closed:
    status = 503;
    break;
  default:
    break;
  }
  return refuse(status, to_string(reason.code), reason.message);
}

std::function<http_outcome(const http_request&)>
on_json(std::function<http_outcome(const nlohmann::json& body)> answer) {
  return [answer =
              std::move(answer)](const http_request& request) -> http_outcome {
    const auto body = parse_body(request.body);
    return body ? answer(*body) : refuse(body.error());
  };
}

} // namespace dynamo::apps
