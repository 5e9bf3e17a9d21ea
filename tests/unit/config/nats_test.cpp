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

load_request of_file(const std::string& text) {
  return {dynamo::named_text{"w.jsonc", text}, {}, {}};
}

std::string failure_of(const load_request& request) {
  const auto loaded = load_options(request);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == dynamo::errc::invalid);
  return loaded.error().message;
}

} // namespace

TEST_CASE("load_options reads Dynamo's variables of NATS") {
  const auto loaded =
      load_options(of_variables({{"NATS_SERVER", " tls://a:1,b "},
                                 {"NATS_AUTH_USERNAME", "u"},
                                 {"NATS_AUTH_PASSWORD", "p"},
                                 {"NATS_AUTH_TOKEN", "t"},
                                 {"NATS_AUTH_NKEY", "n"},
                                 {"NATS_AUTH_CREDENTIALS_FILE", "/f"},
                                 {"NATS_TLS_CA_CERT_PATH", "/ca"},
                                 {"NATS_TLS_CLIENT_CERT_PATH", "/c"},
                                 {"NATS_TLS_CLIENT_KEY_PATH", "/k"},
                                 {"NATS_TLS_INSECURE", "1"}}));
  REQUIRE(loaded);
  const dynamo::nats_options& nats = loaded->values.plane.nats;
  CHECK(nats.servers == "tls://a:1,b");
  CHECK(nats.username == "u");
  CHECK(nats.password == "p");
  CHECK(nats.token == "t");
  CHECK(nats.nkey_seed == "n");
  CHECK(nats.credentials_file == "/f");
  CHECK(nats.tls.ca == "/ca");
  CHECK(nats.tls.certificate == "/c");
  CHECK(nats.tls.key == "/k");
  CHECK(nats.tls.insecure);
  CHECK(loaded->origins.at("nats.servers") == "environment NATS_SERVER");
}

TEST_CASE("load_options reads every key of NATS from a file") {
  const auto loaded = load_options(of_file(R"({
    "nats": {"servers": "a", "randomize": false, "discover_servers": false,
      "username": "u", "password": "p", "token": "t", "nkey_seed": "n",
      "credentials_file": "/f",
      "tls": {"ca": "/ca", "certificate": "/c", "key": "/k", "insecure": true},
      "connect_timeout_ms": 11, "stale_after_ms": 112,
      "hold_ms": 150, "subscriber_delay_max_ms": 140,
      "authentication_delay_ms": 17, "offer_interval_ms": 18,
      "drain_timeout_ms": 19},
    "reconnect": {"attempts_max": 20}
  })"));
  REQUIRE(loaded);
  const dynamo::nats_options& nats = loaded->values.plane.nats;
  CHECK(nats.servers == "a");
  CHECK_FALSE(nats.randomize);
  CHECK_FALSE(nats.discover_servers);
  CHECK(nats.nkey_seed == "n");
  CHECK(nats.tls.insecure);
  CHECK(nats.connect_timeout == 11ms);
  CHECK(nats.stale_after == 112ms);
  CHECK(nats.hold == 150ms);
  CHECK(nats.subscriber_delay_max == 140ms);
  CHECK(nats.authentication_delay == 17ms);
  CHECK(nats.offer_interval == 18ms);
  CHECK(nats.drain_timeout == 19ms);
  CHECK(loaded->values.plane.reconnect.attempts_max == 20);
}

TEST_CASE("NATS_TLS_INSECURE is true or false in Dynamo's words") {
  for (const char* truth : {"1", "true", "TRUE", "on", "On", "yes", " YES "}) {
    CAPTURE(truth);
    const auto loaded =
        load_options(of_variables({{"NATS_TLS_INSECURE", truth}}));
    REQUIRE(loaded);
    CHECK(loaded->values.plane.nats.tls.insecure);
  }
  for (const char* lie : {"0", "false", "False", "off", "no", "NO"}) {
    CAPTURE(lie);
    const auto loaded =
        load_options(of_variables({{"NATS_TLS_INSECURE", lie}}));
    REQUIRE(loaded);
    CHECK_FALSE(loaded->values.plane.nats.tls.insecure);
    CHECK(loaded->origins.at("nats.tls.insecure") ==
          "environment NATS_TLS_INSECURE");
  }
  for (const char* blank : {"", "  "}) {
    const auto loaded =
        load_options(of_variables({{"NATS_TLS_INSECURE", blank}}));
    REQUIRE(loaded);
    CHECK(loaded->origins.at("nats.tls.insecure") == "default");
  }
  for (const char* wrong : {"2", "maybe", "ja"}) {
    CHECK(failure_of(of_variables({{"NATS_TLS_INSECURE", wrong}}))
              .starts_with("environment NATS_TLS_INSECURE: nats.tls.insecure: "
                           "expected true or false (or 1, on, yes, 0, off, "
                           "no), got "));
  }
}

TEST_CASE("a list of servers without any is refused") {
  for (const char* list : {",", " , ,", ",\t,"}) {
    CAPTURE(list);
    CHECK_THAT(failure_of(of_variables({{"NATS_SERVER", list}})),
               Contains("environment NATS_SERVER: nats.servers: expected at "
                        "least one server"));
  }
  CHECK_THAT(failure_of(of_file("{\"nats\": {\n\"servers\": \" \"}}")),
             Contains("w.jsonc:2: nats.servers: expected at least one server"));
}

TEST_CASE("half of a pair is refused with both variables and keys") {
  struct row {
    const char* set;
    const char* key;
    const char* missing;
  };
  const row rows[] = {
      {"NATS_AUTH_USERNAME", "nats.username",
       "nats.password (NATS_AUTH_PASSWORD)"},
      {"NATS_AUTH_PASSWORD", "nats.password",
       "nats.username (NATS_AUTH_USERNAME)"},
      {"NATS_TLS_CLIENT_CERT_PATH", "nats.tls.certificate",
       "nats.tls.key (NATS_TLS_CLIENT_KEY_PATH)"},
      {"NATS_TLS_CLIENT_KEY_PATH", "nats.tls.key",
       "nats.tls.certificate (NATS_TLS_CLIENT_CERT_PATH)"},
  };
  for (const row& each : rows) {
    const std::string variable = each.set;
    CHECK(failure_of(of_variables({{variable, "x"}})) ==
          "environment " + variable + ": " + each.key + " (" + variable +
              "): expected " + each.missing + " beside it, got none");
  }
  CHECK(failure_of(of_file("{\"nats\": {\n\"username\": \"me\"}}")) ==
        "file w.jsonc:2: nats.username (NATS_AUTH_USERNAME): expected "
        "nats.password (NATS_AUTH_PASSWORD) beside it, got none");
}

TEST_CASE("the halves of a pair may come from different sources") {
  load_request request = of_variables({{"NATS_AUTH_PASSWORD", "p"}});
  request.file =
      dynamo::named_text{"w.jsonc", "{\"nats\": {\"username\": \"me\"}}"};
  CHECK(load_options(request));
}

TEST_CASE("several ways to authenticate are no contradiction") {
  CHECK(load_options(of_variables({{"NATS_AUTH_USERNAME", "u"},
                                   {"NATS_AUTH_PASSWORD", "p"},
                                   {"NATS_AUTH_TOKEN", "t"},
                                   {"NATS_AUTH_NKEY", "n"},
                                   {"NATS_AUTH_CREDENTIALS_FILE", "/f"}})));
}

TEST_CASE("delays of NATS that defeat each other are refused") {
  CHECK(failure_of(of_file(R"({"nats": {"subscriber_delay_max_ms": 99}})")) ==
        "file w.jsonc:1: nats.subscriber_delay_max_ms: expected at least "
        "reconnect.delay_initial_ms (100), got 99");
  CHECK(failure_of(of_file(R"({"nats": {"hold_ms": 199}})")) ==
        "file w.jsonc:1: nats.hold_ms: expected at least "
        "nats.subscriber_delay_max_ms (200), got 199");
  CHECK(load_options(of_file(R"({"nats": {"hold_ms": 0}})")));
  CHECK(load_options(of_file(R"({"nats": {"hold_ms": 200}})")));
}

TEST_CASE("pairs of NATS do not concern a process that speaks ZMQ") {
  for (const char* variable :
       {"NATS_AUTH_USERNAME", "NATS_AUTH_PASSWORD", "NATS_TLS_CLIENT_CERT_PATH",
        "NATS_TLS_CLIENT_KEY_PATH"}) {
    CAPTURE(variable);
    CHECK(load_options(
        of_variables({{variable, "x"}, {"DYN_EVENT_PLANE", "zmq"}})));
  }
  CHECK(load_options(
      of_file(R"({"event_plane": "zmq", "nats": {"hold_ms": 1}})")));
}
