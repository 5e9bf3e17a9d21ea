#include "dynamo/config/load.hpp"
#include "dynamo/config/print.hpp"
#include "dynamo/config/schema.hpp"

#include <map>
#include <string>

#include "support/catch.hpp"

using Catch::Matchers::Contains;
using dynamo::load_options;
using dynamo::load_request;
using dynamo::named_text;

namespace {

constexpr const char* secret = "hunter2";

const char* const secret_keys[] = {"nats.password", "nats.token",
                                   "nats.nkey_seed"};

load_request of_variables(std::map<std::string, std::string> set) {
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
  return {named_text{"w.jsonc", text}, {}, {}};
}

/// What --print-config shows of a list of servers.
std::string shown_servers(const std::string& list) {
  const auto loaded =
      load_options({{}, {}, {{"--set nats.servers", "nats.servers", list}}});
  REQUIRE(loaded);
  CHECK(loaded->values.plane.nats.servers == list);
  const std::string text = dynamo::print_options(*loaded);
  const std::string key = "\"servers\": \"";
  const std::size_t from = text.find(key) + key.size();
  return text.substr(from, text.find('"', from) - from);
}

} // namespace

TEST_CASE("print_options shows of a secret only that it is set, and where") {
  const auto loaded = load_options(of_variables({{"NATS_AUTH_USERNAME", "me"},
                                                 {"NATS_AUTH_PASSWORD", secret},
                                                 {"NATS_AUTH_TOKEN", secret},
                                                 {"NATS_AUTH_NKEY", secret}}));
  REQUIRE(loaded);
  CHECK(loaded->values.plane.nats.password == secret);
  CHECK(loaded->values.plane.nats.token == secret);
  CHECK(loaded->values.plane.nats.nkey_seed == secret);

  const std::string text = dynamo::print_options(*loaded);

  CHECK_THAT(text, !Contains(secret));
  CHECK_THAT(text, Contains("\"username\": \"me\", // environment "
                            "NATS_AUTH_USERNAME\n"));
  CHECK_THAT(text, Contains("\"password\": \"***\", // environment "
                            "NATS_AUTH_PASSWORD\n"));
  CHECK_THAT(text,
             Contains("\"token\": \"***\", // environment NATS_AUTH_TOKEN\n"));
  CHECK_THAT(text, Contains("\"nkey_seed\": \"***\", // environment "
                            "NATS_AUTH_NKEY\n"));
}

TEST_CASE("print_options shows an unset secret as the empty text") {
  const std::string text = dynamo::print_options(*load_options({}));
  CHECK_THAT(text, Contains("\"password\": \"\", // default\n"));
}

TEST_CASE("print_options hides passwords and tokens within servers") {
  struct row {
    const char* list;
    const char* shown;
  };
  const row rows[] = {
      {"localhost:4222", "localhost:4222"},
      {"a, tls://b:4223,[::1]:4222", "a, tls://b:4223,[::1]:4222"},
      {"nats://me:hunter2@a:4222", "nats://me:***@a:4222"},
      {"me:hunter2@a", "me:***@a"},
      {"nats://hunter2@a", "nats://***@a"},
      {"a,nats://me:hunter2@b,c", "a,nats://me:***@b,c"},
      {"nats://me:hunt@er2@a", "nats://me:***@a"},
      {"nats://me:hunt://er2@a", "nats://me:***@a"},
      {"nats://me:hunt/er2@a", "nats://me:***@a"},
      {"nats://me:hunt,er2@a", "***,***@a"},
      {"me:hunter2", "***"},
  };
  for (const row& each : rows) {
    CHECK(shown_servers(each.list) == each.shown);
  }
}

TEST_CASE("no error holds a secret whose value is refused") {
  for (const std::string key : secret_keys) {
    CAPTURE(key);
    const std::string value = secret + std::string{'\0'};
    const auto loaded = load_options({{}, {}, {{"--set " + key, key, value}}});
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().message == "flag --set " + key + ": " + key +
                                        ": expected a text, got a value that "
                                        "is not shown");
  }
  const auto number =
      load_options(of_file("{\"nats\": {\"password\": 1234567}}"));
  REQUIRE_FALSE(number);
  CHECK(number.error().message == "w.jsonc:1: nats.password: expected a text, "
                                  "got a value that is not shown");
  const auto servers =
      load_options({{},
                    {},
                    {{"--set nats.servers", "nats.servers",
                      std::string{"nats://me:hunter2@a"} + '\0'}}});
  REQUIRE_FALSE(servers);
  CHECK_THAT(servers.error().message, !Contains(secret) && Contains("me:***@"));
}

TEST_CASE("no error about pairs holds a secret") {
  const auto loaded =
      load_options(of_variables({{"NATS_AUTH_PASSWORD", secret}}));
  REQUIRE_FALSE(loaded);
  CHECK_THAT(loaded.error().message,
             !Contains(secret) && Contains("NATS_AUTH_PASSWORD"));
}

TEST_CASE("no syntax error quotes a secret") {
  for (const char* text : {"{\"nats\": {\"password\": \"hunter2\n\"}}",
                           "{\"nats\": {\"password\": \"hunter2 \\x\"}}",
                           "{\"nats\": {\"password\": \"hunter2",
                           "{\"nats\": {\"token\": "
                           "\"a\" \"hunter2\"}}"}) {
    CAPTURE(text);
    const auto loaded = load_options(of_file(text));
    REQUIRE_FALSE(loaded);
    CHECK_THAT(loaded.error().message, !Contains("hunt"));
    CHECK_THAT(loaded.error().message, Contains("w.jsonc:1: "));
  }
}

TEST_CASE("the schema marks every key that looks like a secret") {
  for (const dynamo::setting& each : dynamo::schema()) {
    CAPTURE(each.key);
    const bool looks =
        each.key.ends_with("password") || each.key.ends_with("token") ||
        each.key.ends_with("seed") || each.key == "discovery.etcd.tls.key";
    CHECK(looks == (each.notes.hidden == dynamo::secrecy::all));
  }
}
