#include <string>

#include "integration/http_fixture.hpp"

using namespace dynamo::apps;
using namespace dynamo::apps::test;

TEST_CASE("an HTTP face finds parameters in paths and queries") {
  const auto face = start(sample_routes());
  auto client = client_of(*face);
  const auto plain = client.Get("/things/a-1?x=1&x=2&y=a%20b");
  REQUIRE(plain);
  CHECK(json::parse(plain->body) ==
        json{{"id", "a-1"}, {"query", {{"x", "1"}, {"y", "a b"}}}});

  // As it is sent, for the client would encode it again.
  const raw_connection connection{face->port()};
  connection.send("GET /things/a%2Fb%25 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK_THAT(connection.receive_until("}"),
             Catch::Matchers::Contains(R"("id":"a/b%")"));
}

TEST_CASE("DELETE and POST need no body, and no word on its length") {
  const auto face = start(sample_routes());
  for (const char* line : {"DELETE /things/7", "POST /things/7/name"}) {
    const raw_connection connection{face->port()};
    connection.send(std::string{line} + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string answer = connection.receive_until("}");
    CHECK_THAT(answer, Catch::Matchers::StartsWith("HTTP/1.1 200"));
    CHECK_THAT(answer, Catch::Matchers::Contains(R"({"body":"","id":"7"})"));
    // The connection goes on.
    connection.send("GET /things/8 HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_THAT(connection.receive_until("}"),
               Catch::Matchers::Contains(R"("id":"8")"));
  }
  auto client = client_of(*face);
  const auto erased = client.Delete("/things/7", "{}", "application/json");
  REQUIRE(erased);
  CHECK(json::parse(erased->body) == json{{"id", "7"}, {"body", "{}"}});
}

TEST_CASE("a path with several methods names them all when it is asked wrong") {
  const auto face = start(sample_routes());
  auto client = client_of(*face);
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    CAPTURE(method);
    httplib::Request request;
    request.method = method;
    request.path = "/things/7";
    request.body = "{}";
    request.set_header("Content-Type", "application/json");
    const auto wrong = client.send(request);
    REQUIRE(wrong);
    CHECK(wrong->status == 405);
    CHECK(wrong->get_header_value("Allow") == "GET, DELETE");
  }
  const auto head = client.Head("/things/7");
  REQUIRE(head);
  CHECK(head->status == 200);
  CHECK(head->body.empty());
}

TEST_CASE("a route says what its answer is, JSON unless it does") {
  const auto face = start(sample_routes());
  const auto answer = client_of(*face).Get("/text");
  REQUIRE(answer);
  CHECK(answer->get_header_value("Content-Type") ==
        "text/plain; version=0.0.4");
  CHECK(answer->body == "words\n");
}

TEST_CASE("an HTTP face refuses long paths and parameters") {
  const auto face = start(sample_routes());
  auto client = client_of(*face);
  const auto parameter = client.Get("/things/" + std::string(513, 'a'));
  REQUIRE(parameter);
  CHECK(parameter->status == 404);
  const auto path = client.Get("/things/" + std::string(4096, 'a'));
  REQUIRE(path);
  CHECK(path->status == 414);
  CHECK(json::parse(path->body)["error"]["code"] == "too_large");
}

TEST_CASE("an HTTP face refuses a body in several parts") {
  const auto face = start(sample_routes());
  const httplib::MultipartFormDataItems parts{{"a", "b", "", ""}};
  const auto answer = client_of(*face).Post("/double", parts);
  REQUIRE(answer);
  CHECK(answer->status == 415);
}
