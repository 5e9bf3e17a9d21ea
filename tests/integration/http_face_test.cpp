#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "integration/http_fixture.hpp"
#include "support/eventually.hpp"

using namespace dynamo::apps;
using namespace dynamo::apps::test;
using namespace std::chrono_literals;

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
    const char* code;
    const char* reason;
  };
  const row rows[] = {
      {"/double", "{", 400, "malformed", "expected a JSON object: parse error"},
      {"/double", "", 400, "malformed", "expected a JSON object"},
      {"/double", "[]", 400, "malformed", "expected a JSON object, got array"},
      {"/double", R"({"number": -1})", 400, "invalid",
       "number: expected an integer"},
      {"/double", std::string(1025, ' '), 413, "too_large",
       "expected a body of at most 1024 bytes"},
      {"/nothing", "{}", 404, "unknown_path", "unknown path /nothing"},
      {"/healthz", "{}", 405, "wrong_method", "/healthz expects GET"},
      {"/throw", "{}", 500, "internal", "oh"},
      {"/busy", "{}", 529, "overloaded", "all workers are busy"},
  };
  for (const row& each : rows) {
    CAPTURE(each.path, each.status);
    const auto answer = client.Post(each.path, each.body, "application/json");
    REQUIRE(answer);
    CHECK(answer->status == each.status);
    CHECK(answer->get_header_value("Content-Type") == "application/json");
    const json error = json::parse(answer->body)["error"];
    CHECK(error["code"] == each.code);
    CHECK_THAT(error["message"].get<std::string>(),
               Catch::Matchers::StartsWith(each.reason));
  }
  const auto wrong = client.Get("/double");
  REQUIRE(wrong);
  CHECK(wrong->status == 405);
  CHECK(wrong->get_header_value("Allow") == "POST");
  // An answer is counted just after it has gone out.
  CHECK(dynamo::eventually(
      [&] { return face->counts().requests >= std::size(rows) + 1; }));
  CHECK(face->counts().requests == std::size(rows) + 1);
  CHECK(face->counts().refused == std::size(rows) + 1);
}

TEST_CASE("an HTTP face takes JSON that curl calls a form") {
  dynamo::http_options options;
  options.body_bytes_max = 64 * 1024;
  const auto face = start(sample_routes(), options);
  auto client = client_of(*face);
  const char* form = "application/x-www-form-urlencoded";
  const std::string body = R"({"number": 21})";
  for (const std::size_t more : {0U, 9U * 1024U}) {
    const auto answer =
        client.Post("/double", body + std::string(more, ' '), form);
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == R"({"number":42})");
  }
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
      {http_method::post, "/slow", [&](const http_request&) -> http_outcome {
         return http_stream{[&](const send_line& send) {
           if (!send("\"first\"")) {
             return;
           }
           const bool is_read =
               dynamo::eventually([&] { return first_read.load(); });
           static_cast<void>(send(is_read ? "true" : "false"));
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
  CHECK(thrown->body ==
        "1\n{\"error\":{\"code\":\"internal\",\"message\":\"oh\"}}\n");
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
  const auto face =
      start({{http_method::get, "/wait", [&](const http_request&) {
                entered = true;
                const bool is_released =
                    dynamo::eventually([&] { return released.load(); });
                return reply({{"done", is_released}});
              }}});
  std::string body;
  std::thread asking{[&] {
    if (const auto answer = client_of(*face).Get("/wait")) {
      body = answer->body;
    }
  }};
  CHECK(dynamo::eventually([&] { return entered.load(); }));
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
