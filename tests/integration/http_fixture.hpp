#pragma once

#include "apps/app/http_face.hpp"
#include "apps/app/json_body.hpp"

#include <httplib.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <memory>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "support/catch.hpp"

// A small HTTP face and ways to speak to it.

namespace dynamo::apps::test {

using nlohmann::json;

inline std::vector<http_route> sample_routes() {
  return {
      {http_method::get, "/healthz",
       [](const http_request&) {
         return reply({{"status", "ok"}});
       }},
      {http_method::post, "/double",
       on_json([](const json& body) -> http_outcome {
         const auto number = integer_of(body, "number", 1000);
         if (!number) {
           return refuse(number.error());
         }
         return reply({{"number", *number * 2}});
       })},
      {http_method::post, "/count",
       on_json([](const json& body) -> http_outcome {
         return http_stream{
             [to = *integer_of(body, "to", 1000)](const send_line& send) {
               for (std::uint64_t i = 1; i <= to; ++i) {
                 if (!send(std::to_string(i))) {
                   return;
                 }
               }
             }};
       })},
      {http_method::post, "/throw",
       [](const http_request&) -> http_outcome {
         throw std::runtime_error{"oh"};
       }},
      {http_method::post, "/throw-late",
       [](const http_request&) -> http_outcome {
         return http_stream{[](const send_line& send) {
           REQUIRE(send("1"));
           throw std::runtime_error{"oh"};
         }};
       }},
      {http_method::get, "/things/{id}",
       [](const http_request& request) {
         return reply(
             {{"id", request.path.at("id")}, {"query", request.query}});
       }},
      {http_method::erase, "/things/{id}",
       [](const http_request& request) {
         return reply({{"id", request.path.at("id")}, {"body", request.body}});
       }},
      {http_method::post, "/things/{id}/name",
       [](const http_request& request) {
         return reply({{"id", request.path.at("id")}, {"body", request.body}});
       }},
      {http_method::get, "/text",
       [](const http_request&) {
         return http_answer{200, "words\n", "text/plain; version=0.0.4"};
       }},
      {http_method::post, "/busy", [](const http_request&) {
         return refuse(529, "overloaded", "all workers are busy");
       }}};
}

inline std::unique_ptr<http_face> start(std::vector<http_route> routes,
                                        dynamo::http_options options = {}) {
  auto face = http_face::start(options, std::move(routes));
  REQUIRE(face);
  return *std::move(face);
}

inline httplib::Client client_of(const http_face& face) {
  httplib::Client client{"127.0.0.1", face.port()};
  client.set_keep_alive(true);
  return client;
}

/// A connection that says only what it is told to.
class raw_connection {
 public:
  explicit raw_connection(std::uint16_t port)
      : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) ==
            0);
  }
  ~raw_connection() { ::close(fd_); }
  raw_connection(const raw_connection&) = delete;
  raw_connection& operator=(const raw_connection&) = delete;

  void send(std::string_view text) const {
    REQUIRE(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  std::string receive() const {
    char buffer[4096];
    const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
    return {buffer, static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }
  /// Everything up to the first piece with such an end, or the very end.
  std::string receive_until(std::string_view end) const {
    std::string text;
    do {
      const std::string more = receive();
      if (more.empty()) {
        break;
      }
      text += more;
    } while (text.find(end) == std::string::npos);
    return text;
  }

 private:
  int fd_;
};

} // namespace dynamo::apps::test
