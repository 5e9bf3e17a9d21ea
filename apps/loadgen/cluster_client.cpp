#include "apps/loadgen/cluster_client.hpp"

#include <optional>
#include <utility>

namespace dynamo::apps {

namespace {

// For everything but /generate, which nobody should have to wait for.
constexpr http_client_options call_options{std::chrono::milliseconds{1000},
                                           std::chrono::milliseconds{3000}};

/// Request ids are made here and need no escapes.
std::string quoted(const std::string& name, const std::string& text) {
  return "\"" + name + "\":\"" + text + "\"";
}

std::string member(const std::string& name, std::uint64_t value) {
  return "\"" + name + "\":" + std::to_string(value);
}

std::string path_of(const std::string& request_id) {
  return "/requests/" + request_id;
}

/// What a status from 300 on means to us.
errc meaning_of(int status) {
  const bool is_refusal = status >= 400 && status < 500;
  return is_refusal ? errc::invalid : errc::unavailable;
}

} // namespace

cluster_client::cluster_client(std::string router,
                               std::chrono::milliseconds patience)
    : router_(std::move(router))
    , calls_(call_options)
    , generating_({call_options.connect_timeout, patience}) {}

result<std::string> cluster_client::body_of(result<http_reply> reply,
                                            const std::string& what) const {
  if (!reply) {
    return std::move(reply).error();
  }
  if (reply->status != 200) {
    return error{meaning_of(reply->status), what + ": " +
                                                std::to_string(reply->status) +
                                                " " + refusal_of(reply->body)};
  }
  return std::move(reply->body);
}

result<cluster_members> cluster_client::members() {
  const auto body = body_of(calls_.get(router_, "/workers"), "GET /workers");
  if (!body) {
    return body.error();
  }
  return members_from_json(*body);
}

result<route_answer> cluster_client::route(const generate_request& request) {
  const auto body = body_of(
      calls_.post(router_, "/route",
                  "{" + quoted("request_id", request.request_id) + "," +
                      request.prompt + "," +
                      member("expected_output_tokens", request.output_tokens) +
                      "}"),
      "POST /route");
  if (!body) {
    return body.error();
  }
  return choice_from_json(*body);
}

status cluster_client::told(result<http_reply> reply,
                            const std::string& what) const {
  const auto body = body_of(std::move(reply), what);
  return body ? ok() : status{body.error()};
}

status cluster_client::prefill_completed(const std::string& request_id) {
  const std::string path = path_of(request_id) + "/prefill_completed";
  return told(calls_.post(router_, path, "{}"), "POST " + path);
}

status cluster_client::output_block(const std::string& request_id) {
  const std::string path = path_of(request_id) + "/output_block";
  return told(calls_.post(router_, path, "{}"), "POST " + path);
}

status cluster_client::ended(const std::string& request_id) {
  const std::string path = path_of(request_id);
  return told(calls_.remove(router_, path), "DELETE " + path);
}

status cluster_client::clear_cache(const std::string& endpoint) {
  return told(calls_.post(endpoint, "/clear", "{}"), endpoint + "/clear");
}

result<generate_line>
cluster_client::generate(const worker_rank& at, const generate_request& request,
                         const std::function<void(line_kind)>& on_line) {
  std::string body =
      "{" + quoted("request_id", request.request_id) + "," + request.prompt +
      "," + member("output_tokens", request.output_tokens) + ",\"stream\":true";
  if (request.prefilled) {
    body += ",\"prefilled\":true";
  }
  if (request.output_blocks) {
    body += ",\"output_blocks\":true";
  }
  if (at.dp_rank) {
    body += "," + member("dp_rank", *at.dp_rank);
  }
  body += "}";
  std::optional<result<generate_line>> last;
  const auto reply =
      body_of(generating_.post_for_lines(
                  at.endpoint, "/generate", std::move(body),
                  [&last, &on_line](std::string_view text) {
                    last = generate_line_from_json(text);
                    if (on_line && *last && (*last)->kind != line_kind::done) {
                      on_line((*last)->kind);
                    }
                  }),
              at.endpoint + "/generate");
  if (!reply) {
    return reply.error();
  }
  if (last && !*last) {
    return std::move(*last).error();
  }
  if (!last || (*last)->kind != line_kind::done) {
    return error{errc::unavailable,
                 at.endpoint + "/generate: ended before the request was done"};
  }
  return **std::move(last);
}

result<std::vector<published_stream>>
cluster_client::worker_streams(const std::string& endpoint) {
  const auto body =
      body_of(calls_.get(endpoint, "/streams"), endpoint + "/streams");
  if (!body) {
    return body.error();
  }
  return published_from_json(*body);
}

result<router_streams> cluster_client::streams() {
  const auto body = body_of(calls_.get(router_, "/streams"), "GET /streams");
  if (!body) {
    return body.error();
  }
  return received_from_json(*body);
}

void cluster_client::interrupt_generate() {
  generating_.interrupt();
}

} // namespace dynamo::apps
