#include "apps/app/http_face.hpp"

#include "apps/app/connection_pool.hpp"
#include "apps/app/json_body.hpp"
#include "apps/app/local_sockets.hpp"
#include "dynamo/base/mutex.hpp"

#include <httplib.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <map>
#include <sys/socket.h>
#include <thread>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr std::size_t waiting_max = 1024;
constexpr std::size_t requests_per_connection = 100'000;
constexpr std::time_t idle_seconds = 5;
constexpr std::chrono::milliseconds stop_interval{5};
constexpr const char* json_type = "application/json";
constexpr const char* lines_type = "application/x-ndjson";
constexpr const char* form_type = "application/x-www-form-urlencoded";

const char* name_of(http_method method) {
  return method == http_method::get ? "GET" : "POST";
}

/// The peers whose request is being answered, one for each thread. The library
/// takes a connection that cannot be read any more for dead and does not
/// answer on it, so stop() has to leave these alone. Thread-safe.
class answering {
 public:
  void begin(int peer_port) {
    const lock_guard guard{mutex_};
    peers_[std::this_thread::get_id()] = peer_port;
  }
  void end() {
    const lock_guard guard{mutex_};
    peers_.erase(std::this_thread::get_id());
  }
  bool has(int peer_port) const {
    const lock_guard guard{mutex_};
    return std::any_of(
        peers_.begin(), peers_.end(),
        [peer_port](const auto& each) { return each.second == peer_port; });
  }

 private:
  mutable mutex mutex_;
  std::map<std::thread::id, int> peers_ DYNAMO_GUARDED_BY(mutex_);
};

/// Whether the library refused a body that is not too large: it takes forms
/// only up to 8 KiB, and `curl -d` calls everything a form.
bool is_large_form(const httplib::Request& request, std::size_t bytes_max) {
  return request.get_header_value("Content-Type").starts_with(form_type) &&
         request.get_header_value<std::uint64_t>("Content-Length") <= bytes_max;
}

/// Runs a stream within the library's call for content.
bool write_stream(const http_stream& stream, httplib::DataSink& sink) {
  const send_line send = [&sink](std::string_view json) {
    std::string line{json};
    line += '\n';
    return sink.write(line.data(), line.size());
  };
  try {
    stream(send);
  } catch (const std::exception& thrown) {
    // The status has gone out; the last line is the only place left.
    if (!send(refuse(500, thrown.what()).body)) {
      return false;
    }
  }
  sink.done();
  return true;
}

} // namespace

http_answer reply(const nlohmann::json& body) {
  return {200,
          body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

http_answer refuse(int status, std::string_view reason) {
  http_answer answer = reply({{"error", reason}});
  answer.status = status;
  return answer;
}

std::function<http_outcome(std::string_view)>
on_json(std::function<http_outcome(const nlohmann::json& body)> answer) {
  return [answer = std::move(answer)](std::string_view text) -> http_outcome {
    const auto body = parse_body(text);
    return body ? answer(*body) : refuse(400, body.error().message);
  };
}

class http_face::implementation {
 public:
  implementation(const http_options& options, std::vector<http_route> routes)
      : options_(options)
      , routes_(std::move(routes)) {
    configure();
    for (const http_route& route : routes_) {
      add(route);
    }
  }

  status bind();
  void serve();
  void stop();

  const std::string& address() const { return address_; }
  std::uint16_t port() const { return port_; }
  http_counts counts() const { return {requests_, refused_}; }

 private:
  void configure();
  void add(const http_route& route);
  void finish(httplib::Response& response, http_outcome outcome);
  void explain(const httplib::Request& request, httplib::Response& response);

  const http_options options_;
  const std::vector<http_route> routes_;
  httplib::Server server_;
  connection_pool* pool_ = nullptr;
  std::uint16_t port_ = 0;
  std::string address_;
  answering answering_;
  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  std::atomic<bool> ended_ = false;
  std::thread listener_;
};

void http_face::implementation::configure() {
  // The library deletes it, after the last of its threads ended.
  server_.new_task_queue = [this] {
    pool_ = new connection_pool{options_.threads, waiting_max};
    return pool_;
  };
  // A kept connection holds a thread; not when others wait for one.
  server_.set_post_routing_handler(
      [this](const httplib::Request&, httplib::Response& response) {
        if (pool_->crowded()) {
          response.set_header("Connection", "close");
        }
      });
  // The library's default would let two processes share a port.
  server_.set_socket_options([](socket_t socket) {
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  server_.set_tcp_nodelay(true);
  server_.set_payload_max_length(options_.body_bytes_max);
  server_.set_keep_alive_max_count(requests_per_connection);
  server_.set_keep_alive_timeout(idle_seconds);
  // The library checks its limit neither on a body of unknown length nor on an
  // unpacked one.
  server_.set_pre_routing_handler(
      [](const httplib::Request& request, httplib::Response& response) {
        if (!request.has_header("Transfer-Encoding") &&
            !request.has_header("Content-Encoding")) {
          return httplib::Server::HandlerResponse::Unhandled;
        }
        response.status = 415;
        response.set_header("Connection", "close");
        return httplib::Server::HandlerResponse::Handled;
      });
  server_.set_error_handler(
      [this](const httplib::Request& request, httplib::Response& response) {
        explain(request, response);
      });
  server_.set_exception_handler([this](const httplib::Request&,
                                       httplib::Response& response,
                                       std::exception_ptr thrown) {
    try {
      std::rethrow_exception(std::move(thrown));
    } catch (const std::exception& reason) {
      finish(response, refuse(500, reason.what()));
    } catch (...) {
      finish(response, refuse(500, "unexpected"));
    }
  });
  server_.set_logger(
      [this](const httplib::Request&, const httplib::Response& response) {
        answering_.end();
        ++requests_;
        refused_ += response.status >= 400 ? 1U : 0U;
      });
}

void http_face::implementation::add(const http_route& route) {
  auto answer = [this, &route](const httplib::Request& request,
                               httplib::Response& response) {
    answering_.begin(request.remote_port);
    finish(response, route.answer(request.body));
  };
  if (route.method == http_method::get) {
    server_.Get(route.path, std::move(answer));
  } else {
    server_.Post(route.path, std::move(answer));
  }
}

void http_face::implementation::finish(httplib::Response& response,
                                       http_outcome outcome) {
  if (auto* whole = std::get_if<http_answer>(&outcome)) {
    response.status = whole->status;
    response.set_content(std::move(whole->body), json_type);
    return;
  }
  response.set_chunked_content_provider(
      lines_type, [stream = std::get<http_stream>(std::move(outcome))](
                      std::size_t, httplib::DataSink& sink) {
        return write_stream(stream, sink);
      });
}

/// Gives a body to the answers that the library makes itself.
void http_face::implementation::explain(const httplib::Request& request,
                                        httplib::Response& response) {
  if (!response.body.empty()) {
    return;
  }
  std::string reason = "not a request that is understood";
  if (response.status == 404) {
    reason = "unknown path " + request.path;
    for (const http_route& route : routes_) {
      if (route.path == request.path) {
        reason = request.path + " expects " + name_of(route.method);
        response.set_header("Allow", name_of(route.method));
        response.status = 405;
        break;
      }
    }
  } else if (response.status == 413 &&
             is_large_form(request, options_.body_bytes_max)) {
    response.status = 415;
    reason = std::string{"expected Content-Type: "} + json_type;
  } else if (response.status == 413) {
    reason = "expected a body of at most " +
             std::to_string(options_.body_bytes_max) + " bytes";
  } else if (response.status == 415) {
    reason = "expected a plain body with Content-Length";
  }
  finish(response, refuse(response.status, reason));
}

status http_face::implementation::bind() {
  errno = 0;
  const int port =
      options_.port == 0
          ? server_.bind_to_any_port(options_.host)
          : (server_.bind_to_port(options_.host, options_.port) ? options_.port
                                                                : -1);
  const int code = errno;
  const bool six = options_.host.find(':') != std::string::npos;
  const std::string host = six ? "[" + options_.host + "]" : options_.host;
  if (port <= 0) {
    return error{errc::unavailable,
                 "cannot listen on " + host + ":" +
                     std::to_string(options_.port) +
                     (code == 0 ? std::string{}
                                : std::string{": "} + std::strerror(code))};
  }
  port_ = static_cast<std::uint16_t>(port);
  address_ = host + ":" + std::to_string(port_);
  return ok();
}

void http_face::implementation::serve() {
  listener_ = std::thread{[this] {
    server_.listen_after_bind();
    ended_ = true;
  }};
  // Before it runs, the library forgets a call to stop.
  while (!server_.is_running() && !ended_) {
    std::this_thread::yield();
  }
}

void http_face::implementation::stop() {
  if (!listener_.joinable()) {
    return;
  }
  server_.stop();
  // The library waits for idle connections; it cannot be told to hang up.
  while (!ended_) {
    shut_down_reading(port_, [this](int peer) { return answering_.has(peer); });
    std::this_thread::sleep_for(stop_interval);
  }
  listener_.join();
}

result<std::unique_ptr<http_face>>
http_face::start(const http_options& options, std::vector<http_route> routes) {
  auto parts = std::make_unique<implementation>(options, std::move(routes));
  if (status bound = parts->bind(); !bound) {
    return bound.error();
  }
  parts->serve();
  return std::unique_ptr<http_face>{new http_face{std::move(parts)}};
}

http_face::http_face(std::unique_ptr<implementation> parts)
    : parts_(std::move(parts)) {}

http_face::~http_face() {
  stop();
}

const std::string& http_face::address() const {
  return parts_->address();
}

std::uint16_t http_face::port() const {
  return parts_->port();
}

http_counts http_face::counts() const {
  return parts_->counts();
}

void http_face::stop() {
  parts_->stop();
}

} // namespace dynamo::apps
