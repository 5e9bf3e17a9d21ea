#include "dynamo/discovery/etcd_endpoints.hpp"

#include "support/catch.hpp"

namespace {

using namespace dynamo;

std::string all_of(std::string_view list) {
  const auto found = etcd_endpoints_from(list);
  if (!found) {
    return to_string(found.error());
  }
  std::string text;
  for (const std::string& each : *found) {
    text += (text.empty() ? "" : " ") + each;
  }
  return text;
}

} // namespace

TEST_CASE("etcd endpoints are taken with and without a scheme, and trimmed") {
  CHECK(all_of("http://localhost:2379") == "http://localhost:2379");
  CHECK(all_of(" http://a:1 ,\thttps://b:2/ , c:3,") ==
        "http://a:1 https://b:2 http://c:3");
  CHECK(all_of("HTTPS://A:1") == "https://A:1");
  CHECK(all_of("etcd") == "http://etcd:2379");
  // A URL has the port of its scheme.
  CHECK(all_of("https://etcd.example.com") == "https://etcd.example.com");
  CHECK(all_of("[::1]:2379") == "http://[::1]:2379");
  CHECK(all_of("[fe80::1%eth0]") == "http://[fe80::1%eth0]:2379");
  CHECK(all_of("a:1,http://a:1,b:1") == "http://a:1 http://b:1");
}

TEST_CASE("etcd endpoints that are none are named") {
  for (const char* text :
       {"ftp://a:1", "http://", "http://:1", "a:0", "a:65536", "a:b",
        "a:", "http://a:1/v3", "http://a b:1", "::1", "[]:1", "a:1,unix://x"}) {
    CAPTURE(text);
    const auto found = etcd_endpoints_from(text);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == errc::invalid);
  }
  CHECK(all_of("x:1,ftp://a:1").find("\"ftp://a:1\"") != std::string::npos);
  CHECK(all_of("").find("at least one") != std::string::npos);
  CHECK(all_of("http://me:secret@a:1").find("secret") == std::string::npos);
}
