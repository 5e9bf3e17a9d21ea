#include "dynamo/transport/nats_settings.hpp"

#include <functional>
#include <string>

#include "support/catch.hpp"

namespace dynamo {

namespace {

const std::string seed =
    "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

std::string failure_of(const std::function<void(nats_options&)>& change) {
  nats_options options;
  change(options);
  const auto made = nats_settings::make(options);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == errc::invalid);
  return made.error().message;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("nats_settings accepts the defaults") {
  const auto made = nats_settings::make({});
  REQUIRE(made);
  CHECK((*made)->servers().front().url() == "nats://localhost:4222");
}

TEST_CASE("nats_settings names both settings of an incomplete pair") {
  using options = nats_options;
  CHECK(failure_of([](options& o) { o.tls.certificate = "/dev/null"; }) ==
        "nats.tls.key (NATS_TLS_CLIENT_KEY_PATH): expected as well when "
        "nats.tls.certificate is set");
  CHECK(failure_of([](options& o) { o.tls.key = "/dev/null"; }) ==
        "nats.tls.certificate (NATS_TLS_CLIENT_CERT_PATH): expected as well "
        "when nats.tls.key is set");
  CHECK(failure_of([](options& o) { o.username = "me"; }) ==
        "nats.password (NATS_AUTH_PASSWORD): expected as well when "
        "nats.username is set");
  CHECK(failure_of([](options& o) { o.password = "hunter2"; }) ==
        "nats.username (NATS_AUTH_USERNAME): expected as well when "
        "nats.password is set");
}

TEST_CASE("nats_settings names the setting whose file cannot be read") {
  using options = nats_options;
  const std::string missing = "/nowhere/file.pem";
  CHECK(failure_of([&](options& o) { o.tls.ca = missing; }) ==
        "nats.tls.ca (NATS_TLS_CA_CERT_PATH): cannot read "
        "'/nowhere/file.pem': No such file or directory");
  CHECK(holds(failure_of([&](options& o) { o.credentials_file = missing; }),
              "nats.credentials_file (NATS_AUTH_CREDENTIALS_FILE): cannot"));
  CHECK(holds(failure_of([&](options& o) {
                o.tls.certificate = missing;
                o.tls.key = missing;
              }),
              "nats.tls.certificate (NATS_TLS_CLIENT_CERT_PATH): cannot"));
}

TEST_CASE("nats_settings names the setting whose file is no certificate") {
  CHECK(holds(failure_of([](nats_options& o) { o.tls.ca = "/dev/null"; }),
              "nats.tls.ca (NATS_TLS_CA_CERT_PATH): "));
}

TEST_CASE("nats_settings does not show a seed that is none") {
  const std::string text =
      failure_of([](nats_options& o) { o.nkey_seed = "SUhunter2"; });
  CHECK(holds(text, "nats.nkey_seed (NATS_AUTH_NKEY): "));
  CHECK_FALSE(holds(text, "hunter2"));
}

TEST_CASE("nats_settings refuses delays that cnats cannot keep") {
  using options = nats_options;
  CHECK(holds(failure_of([](options& o) {
                o.connect_timeout = std::chrono::milliseconds{0};
              }),
              "nats.connect_timeout_ms"));
  CHECK(holds(failure_of([](options& o) {
                o.stale_after = std::chrono::milliseconds{1};
              }),
              "nats.stale_after_ms"));
}

TEST_CASE("choose_nats_credentials takes the first that is complete") {
  nats_options options;
  options.username = "me";
  options.password = "pass";
  options.token = "token";
  options.nkey_seed = seed;
  options.credentials_file = "file";

  auto chosen = choose_nats_credentials(options);
  REQUIRE(chosen);
  CHECK(chosen->username == "me");
  CHECK(chosen->password == "pass");
  CHECK(chosen->token.empty());

  options.username.clear();
  options.password.clear();
  chosen = choose_nats_credentials(options);
  REQUIRE(chosen);
  CHECK(chosen->token == "token");
  CHECK(chosen->nkey_public.empty());

  options.token.clear();
  chosen = choose_nats_credentials(options);
  REQUIRE(chosen);
  CHECK(chosen->nkey_public.starts_with('U'));
  CHECK(chosen->credentials_file.empty());

  options.nkey_seed.clear();
  chosen = choose_nats_credentials(options);
  REQUIRE(chosen);
  CHECK(chosen->credentials_file == "file");
  CHECK(chosen->username.empty());
}

TEST_CASE("choose_nats_credentials falls back to user and user as Dynamo "
          "does") {
  const auto chosen = choose_nats_credentials({});
  REQUIRE(chosen);
  CHECK(chosen->username == "user");
  CHECK(chosen->password == "user");
}

} // namespace dynamo
