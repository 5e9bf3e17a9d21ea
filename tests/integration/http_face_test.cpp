#include "apps/app/http_face.hpp"
#include "apps/app/json_body.hpp"

#include <httplib.h>
#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo::apps;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

std::vector<http_route> sample_routes() {
  return {
      {http_method::get, "/healthz",
       [](std::string_view) {
         return reply({{"status", "ok"}});
       }},
      {http_method::post, "/double",
       on_json([](const json& body) -> http_outcome {
         const auto number = integer_of(body, "number", 1000);
         if (!number) {
           return refuse(400, number.error().message);
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
       [](std::string_view) -> http_outcome {
         throw std::runtime_error{"oh"};
       }},
      {http_method::post, "/throw-late", [](std::string_view) -> http_outcome {
         return http_stream{[](const send_line& send) {
           REQUIRE(send("1"));
           throw std::runtime_error{"oh"};
         }};
       }}};
}

std::unique_ptr<http_face> start(std::vector<http_route> routes,
                                 dynamo::http_options options = {}) {
  auto face = http_face::start(options, std::move(routes));
  REQUIRE(face);
  return *std::move(face);
}

httplib::Client client_of(const http_face& face) {
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

 private:
  int fd_;
};

} // namespace

TEST_CASE("an HTTP face answers GET and POST with JSON") {
  const auto face = start(sample_routes());
  auto client = client_of(*face);

  const auto health = client.Get("/healthz");
  REQUIRE(health);
  CHECK(health->status == 200);
  CHECK(health->get_header_value("Content-Type") == "application/json");
  CHECK(health->body == R"({"status":"ok"})");

  const auto twice =
      client.Post("/double", R"({"number": 21})", "application/json");
  REQUIRE(twice);
  CHECK(twice->body == R"({"number":42})");
}

TEST_CASE("an HTTP face explains what it refuses") {
  dynamo::http_options options;
  options.body_bytes_max = 1024;
  const auto face = start(sample_routes(), options);
  auto client = client_of(*face);
  struct row {
    const char* path;
    std::string body;
    int status;
    const char* reason;
  };
  const row rows[] = {
      {"/double", "{", 400, "expected a JSON object: parse error"},
      {"/double", "", 400, "expected a JSON object"},
      {"/double", "[]", 400, "expected a JSON object, got array"},
      {"/double", R"({"number": -1})", 400, "number: expected an integer"},
      {"/double", std::string(1025, ' '), 413,
       "expected a body of at most 1024 bytes"},
      {"/nothing", "{}", 404, "unknown path /nothing"},
      {"/healthz", "{}", 405, "/healthz expects GET"},
      {"/throw", "{}", 500, "oh"},
  };
  for (const row& each : rows) {
    CAPTURE(each.path, each.status);
    const auto answer = client.Post(each.path, each.body, "application/json");
    REQUIRE(answer);
    CHECK(answer->status == each.status);
    CHECK(answer->get_header_value("Content-Type") == "application/json");
    const std::string reason = json::parse(answer->body)["error"];
    CHECK_THAT(reason, Catch::Matchers::StartsWith(each.reason));
  }
  const auto wrong = client.Get("/double");
  REQUIRE(wrong);
  CHECK(wrong->status == 405);
  CHECK(wrong->get_header_value("Allow") == "POST");
  // An answer is counted just after it has gone out.
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (face->counts().requests < std::size(rows) + 1 &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(1ms);
  }
  CHECK(face->counts().requests == std::size(rows) + 1);
  CHECK(face->counts().refused == std::size(rows) + 1);
}

TEST_CASE("an HTTP face says how to send a body that curl calls a form") {
  dynamo::http_options options;
  options.body_bytes_max = 64 * 1024;
  const auto face = start(sample_routes(), options);
  auto client = client_of(*face);
  const char* form = "application/x-www-form-urlencoded";
  const std::string body = R"({"number": 21})";

  const auto small = client.Post("/double", body, form);
  REQUIRE(small);
  CHECK(small->status == 200);

  const auto large =
      client.Post("/double", body + std::string(9 * 1024, ' '), form);
  REQUIRE(large);
  CHECK(large->status == 415);
  CHECK(large->body ==
        R"({"error":"expected Content-Type: application/json"})");

  const auto too_large =
      client.Post("/double", std::string(64 * 1024 + 1, ' '), form);
  REQUIRE(too_large);
  CHECK(too_large->status == 413);
}

TEST_CASE("an HTTP face refuses bodies whose size it cannot check") {
  const auto face = start(sample_routes());
  for (const char* header :
       {"Transfer-Encoding: chunked", "Content-Encoding: gzip\r\n"
                                      "Content-Length: 0"}) {
    const raw_connection connection{face->port()};
    connection.send("POST /double HTTP/1.1\r\nHost: a\r\n" +
                    std::string{header} + "\r\n\r\n");
    CHECK_THAT(connection.receive(),
               Catch::Matchers::StartsWith("HTTP/1.1 415"));
  }
}

TEST_CASE("an HTTP face streams lines as they are sent") {
  std::atomic<bool> first_read = false;
  std::vector<http_route> routes = sample_routes();
  routes.push_back(
      {http_method::post, "/slow", [&](std::string_view) -> http_outcome {
         return http_stream{[&](const send_line& send) {
           if (!send("\"first\"")) {
             return;
           }
           const auto deadline = std::chrono::steady_clock::now() + 10s;
           while (!first_read && std::chrono::steady_clock::now() < deadline) {
             std::this_thread::sleep_for(1ms);
           }
           static_cast<void>(send(first_read ? "true" : "false"));
         }};
       }});
  const auto face = start(std::move(routes));

  const raw_connection connection{face->port()};
  connection.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
                  "{}");
  std::string text;
  while (text.find("\"first\"\n") == std::string::npos) {
    const std::string more = connection.receive();
    REQUIRE_FALSE(more.empty());
    text += more;
  }
  first_read = true;
  while (text.find("0\r\n\r\n") == std::string::npos) {
    const std::string more = connection.receive();
    REQUIRE_FALSE(more.empty());
    text += more;
  }
  CHECK_THAT(text, Catch::Matchers::Contains("application/x-ndjson") &&
                       Catch::Matchers::Contains("true\n"));
}

TEST_CASE("a stream can end early or throw, and the connection goes on") {
  const auto face = start(sample_routes());
  auto client = client_of(*face);
  const auto counted =
      client.Post("/count", R"({"to": 3})", "application/json");
  REQUIRE(counted);
  CHECK(counted->body == "1\n2\n3\n");
  const auto thrown = client.Post("/throw-late", "{}", "application/json");
  REQUIRE(thrown);
  CHECK(thrown->body == "1\n{\"error\":\"oh\"}\n");
  CHECK(client.Get("/healthz"));
}

TEST_CASE("two HTTP faces cannot have one port") {
  const auto face = start(sample_routes());
  dynamo::http_options options;
  options.port = face->port();
  const auto second = http_face::start(options, sample_routes());
  REQUIRE_FALSE(second);
  CHECK(second.error().code == dynamo::errc::unavailable);
  CHECK(second.error().message ==
        "cannot listen on " + face->address() + ": Address already in use");
}

TEST_CASE("an HTTP face takes a port that was free a moment ago") {
  auto face = start(sample_routes());
  REQUIRE(client_of(*face).Get("/healthz"));
  dynamo::http_options options;
  options.port = face->port();
  face.reset();
  CHECK(http_face::start(options, sample_routes()));
}

TEST_CASE("stop hangs up idle and half-sent requests at once") {
  const auto face = start(sample_routes());
  auto kept = client_of(*face);
  REQUIRE(kept.Get("/healthz"));
  const raw_connection silent{face->port()};
  const raw_connection half{face->port()};
  half.send("POST /double HTTP/1.1\r\nContent-Length: 100\r\n\r\n{");

  const auto before = std::chrono::steady_clock::now();
  face->stop();

  // Left alone, the library would wait 5 s for the idle ones.
  CHECK(std::chrono::steady_clock::now() - before < 4s);
  CHECK(silent.receive().empty());
}

TEST_CASE("stop lets the requests that run have their answers") {
  std::atomic<bool> entered = false;
  std::atomic<bool> released = false;
  const auto face = start({{http_method::get, "/wait", [&](std::string_view) {
                              entered = true;
                              while (!released) {
                                std::this_thread::sleep_for(1ms);
                              }
                              return reply({{"done", true}});
                            }}});
  std::string body;
  std::thread asking{[&] {
    if (const auto answer = client_of(*face).Get("/wait")) {
      body = answer->body;
    }
  }};
  while (!entered) {
    std::this_thread::sleep_for(1ms);
  }
  std::thread stopping{[&] { face->stop(); }};
  released = true;
  stopping.join();
  asking.join();
  CHECK(body == R"({"done":true})");
}

TEST_CASE("an HTTP face serves more clients than it has threads") {
  dynamo::http_options options;
  options.threads = 2;
  const auto face = start(sample_routes(), options);
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&] {
      auto client = client_of(*face);
      client.set_read_timeout(30);
      for (int n = 0; n < 5; ++n) {
        answered += client.Get("/healthz") ? 1 : 0;
      }
    });
  }
  for (std::thread& each : clients) {
    each.join();
  }
  CHECK(answered == 16 * 5);
}
