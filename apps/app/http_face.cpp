#include "apps/app/http_face.hpp"

#include "apps/app/connection_pool.hpp"
#include "apps/app/local_sockets.hpp"
#include "dynamo/base/mutex.hpp"

#include <httplib.h>

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
constexpr std::size_t path_bytes_max = 2048;
constexpr const char* lines_type = "application/x-ndjson";
constexpr const char* parts_type = "multipart/";

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

/// The path as it was sent; the library's own is decoded, and knows no more
/// which slashes were none.
std::string_view path_of(const httplib::Request& request) {
  const std::string_view target = request.target;
  return target.substr(0, target.find_first_of("?#"));
}

http_parameters query_of(const httplib::Request& request) {
  http_parameters all;
  for (const auto& [name, value] : request.params) {
    all.emplace(name, value);
  }
  return all;
}

/// False: it ends too early, or is too large; the status says which.
bool read_body(const httplib::Request& request,
               const httplib::ContentReader& read, std::string& body) {
  // Without a length there is no body; the library would wait for its end.
  if (!request.has_header("Content-Length")) {
    return true;
  }
  return read([&body](const char* bytes, std::size_t size) {
    body.append(bytes, size);
    return true;
  });
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
    if (!send(refuse(500, "internal", thrown.what()).body)) {
      return false;
    }
  }
  sink.done();
  return true;
}

} // namespace

class http_face::implementation {
 public:
  implementation(const http_options& options, std::vector<http_route> routes)
      : options_(options)
      , routes_(std::move(routes)) {
    for (const http_route& route : routes_) {
      patterns_.emplace_back(route.path);
    }
    configure();
    take_requests();
  }

  status bind();
  void serve();
  void stop();

  const std::string& address() const { return address_; }
  std::uint16_t port() const { return port_; }
  http_counts counts() const { return {requests_, refused_}; }

 private:
  void configure();
  void take_requests();
  void answer(const httplib::Request& request, httplib::Response& response,
              http_method method, std::string_view body);
  http_answer no_route(const httplib::Request& request,
                       httplib::Response& response) const;
  void finish(httplib::Response& response, http_outcome outcome);
  void explain(const httplib::Request& request, httplib::Response& response);

  const http_options options_;
  const std::vector<http_route> routes_;
  /// Of the routes, in their order.
  std::vector<path_pattern> patterns_;
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
  // unpacked one, and takes one in several parts apart.
  server_.set_pre_routing_handler(
      [](const httplib::Request& request, httplib::Response& response) {
        const bool is_long = request.target.size() > path_bytes_max;
        if (!is_long && !request.has_header("Transfer-Encoding") &&
            !request.has_header("Content-Encoding") &&
            !request.get_header_value("Content-Type").starts_with(parts_type)) {
          return httplib::Server::HandlerResponse::Unhandled;
        }
        response.status = is_long ? 414 : 415;
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
      finish(response, refuse(500, "internal", reason.what()));
    } catch (...) {
      finish(response, refuse(500, "internal", "unexpected"));
    }
  });
  server_.set_logger(
      [this](const httplib::Request&, const httplib::Response& response) {
        answering_.end();
        ++requests_;
        refused_ += response.status >= 400 ? 1U : 0U;
      });
}

/// The library finds routes by regular expressions over decoded paths; ours
/// are found by `answer`.
void http_face::implementation::take_requests() {
  const std::string any = ".*";
  const auto with_body = [this](http_method method) {
    return [this, method](const httplib::Request& request,
                          httplib::Response& response,
                          const httplib::ContentReader& read) {
      std::string body;
      if (read_body(request, read, body)) {
        answer(request, response, method, body);
      }
    };
  };
  server_.Get(any, [this](const httplib::Request& request,
                          httplib::Response& response) {
    answer(request, response, http_method::get, {});
  });
  server_.Post(any, with_body(http_method::post));
  server_.Delete(any, with_body(http_method::erase));
}

void http_face::implementation::answer(const httplib::Request& request,
                                       httplib::Response& response,
                                       http_method method,
                                       std::string_view body) {
  answering_.begin(request.remote_port);
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].method != method) {
      continue;
    }
    if (auto path = patterns_[i].match(path_of(request))) {
      finish(response,
             routes_[i].answer({body, *std::move(path), query_of(request)}));
      return;
    }
  }
  finish(response, no_route(request, response));
}

http_answer
http_face::implementation::no_route(const httplib::Request& request,
                                    httplib::Response& response) const {
  std::string allowed;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (patterns_[i].match(path_of(request))) {
      allowed += allowed.empty() ? "" : ", ";
      allowed += to_string(routes_[i].method);
    }
  }
  if (allowed.empty()) {
    return refuse(404, "unknown_path", "unknown path " + request.path);
  }
  response.set_header("Allow", allowed);
  return refuse(405, "wrong_method", request.path + " expects " + allowed);
}

void http_face::implementation::finish(httplib::Response& response,
                                       http_outcome outcome) {
  if (auto* whole = std::get_if<http_answer>(&outcome)) {
    response.status = whole->status;
    response.set_content(std::move(whole->body), whole->content_type.c_str());
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
  switch (response.status) {
  case 404:
    finish(response, no_route(request, response));
    return;
  case 413:
    finish(response,
           refuse(413, "too_large",
                  "expected a body of at most " +
                      std::to_string(options_.body_bytes_max) + " bytes"));
    return;
  case 414:
    finish(response, refuse(414, "too_large",
                            "expected a path of at most " +
                                std::to_string(path_bytes_max) + " bytes"));
    return;
  case 415:
    finish(response, refuse(415, "unsupported",
                            "expected a plain body with Content-Length"));
    return;
  default:
    finish(response, refuse(response.status, "malformed",
                            "not a request that is understood"));
  }
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
