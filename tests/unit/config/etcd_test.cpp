#include "dynamo/config/load.hpp"

#include <map>
#include <string>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using dynamo::load_options;
using dynamo::load_request;

namespace {

using variable_map = std::map<std::string, std::string>;

load_request of_variables(variable_map set) {
  return {{},
          [set = std::move(set)](
              std::string_view name) -> std::optional<std::string> {
            const auto found = set.find(std::string{name});
            return found == set.end()
                       ? std::nullopt
                       : std::optional<std::string>{found->second};
          },
          {}};
}

} // namespace

TEST_CASE("load_options reads Dynamo's variables of etcd") {
  const auto loaded = load_options(
      of_variables({{"ETCD_ENDPOINTS", " http://a:1, https://b "},
                    {"ETCD_AUTH_USERNAME", "u"},
                    {"ETCD_AUTH_PASSWORD", "p"},
                    {"ETCD_AUTH_CA", "/ca"},
                    {"ETCD_AUTH_CLIENT_CERT", "/c"},
                    {"ETCD_AUTH_CLIENT_KEY", "/k"},
                    {"ETCD_LEASE_TTL", "10"},
                    {"ETCD_KEEPALIVE_INTERVAL_SECONDS", "7"},
                    {"ETCD_KEEPALIVE_TIMEOUT_SECONDS", "8"},
                    {"ETCD_STARTUP_CONNECT_TIMEOUT_SECONDS", "9"}}));
  REQUIRE(loaded);
  CHECK(loaded->warnings.empty());
  const dynamo::etcd_options& etcd = loaded->values.plane.discovery.etcd;
  CHECK(etcd.endpoints == "http://a:1, https://b");
  CHECK(etcd.username == "u");
  CHECK(etcd.password == "p");
  CHECK(etcd.tls.ca == "/ca");
  CHECK(etcd.tls.certificate == "/c");
  CHECK(etcd.tls.key == "/k");
  CHECK(etcd.lease_ttl == 10s);
  CHECK(etcd.keepalive_interval == 7s);
  CHECK(etcd.keepalive_timeout == 8s);
  CHECK(etcd.startup_timeout == 9s);
}

TEST_CASE("a lease time that is none is ignored with a warning, as Dynamo") {
  for (const char* text : {"0", "-1", "soon", "10s"}) {
    CAPTURE(text);
    const auto loaded = load_options(of_variables({{"ETCD_LEASE_TTL", text}}));
    REQUIRE(loaded);
    CHECK(loaded->values.plane.discovery.etcd.lease_ttl == 30s);
    REQUIRE(loaded->warnings.size() == 1);
    CHECK_THAT(loaded->warnings.front(),
               Contains("ETCD_LEASE_TTL") && Contains("ignored"));
  }
}

TEST_CASE("half a credential for etcd is refused, and none of it is shown") {
  for (const auto& [set, missing] :
       variable_map{{"ETCD_AUTH_USERNAME", "ETCD_AUTH_PASSWORD"},
                    {"ETCD_AUTH_PASSWORD", "ETCD_AUTH_USERNAME"},
                    {"ETCD_AUTH_CLIENT_CERT", "ETCD_AUTH_CLIENT_KEY"},
                    {"ETCD_AUTH_CLIENT_KEY", "ETCD_AUTH_CLIENT_CERT"}}) {
    const auto loaded = load_options(of_variables({{set, "hunter2"}}));
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == dynamo::errc::invalid);
    CHECK_THAT(loaded.error().message,
               Contains(set) && Contains(missing) && !Contains("hunter2"));
    // Of another store's credentials nobody takes notice.
    CHECK(load_options(
        of_variables({{set, "hunter2"}, {"DYN_DISCOVERY_BACKEND", "file"}})));
  }
}
