#include <future>
#include <thread>

#include "etcd_fixture.hpp"

namespace {

using namespace dynamo;
using namespace dynamo::test;

std::string why_not(etcd_options options, errc code) {
  const auto made = try_join(std::move(options));
  REQUIRE_FALSE(made);
  CHECK(made.error().code == code);
  return made.error().message;
}

etcd_options with_password(const std::string& url,
                           const std::string& password) {
  etcd_options options = quick_options(url);
  options.username = "root";
  options.password = password;
  return options;
}

/// An address on which nobody listens.
std::string silent_address() {
  const etcd_server_process server;
  return server.url();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a start without etcd ends with every endpoint and why") {
  const std::string nobody = silent_address();
  auto options = quick_options(nobody + ", http://127.0.0.1:1");
  options.startup_timeout = 500ms;
  const std::string reason = why_not(options, errc::unavailable);
  INFO(reason);
  CHECK(contains(reason, nobody + ": "));
  CHECK(contains(reason, "http://127.0.0.1:1: "));
  CHECK(contains(reason, "--discovery file"));
}

TEST_CASE("a start waits for an etcd that comes later, and says so") {
  etcd_server_process server;
  const std::string url = server.url();
  server.kill();
  notice_log notices;
  auto joined = std::async(std::launch::async, [&] {
    return try_join(quick_options(url), notices.sink());
  });
  CHECK(eventually([&] { return notices.count("cannot be reached") > 0; }));
  server.start();
  const auto made = joined.get();
  REQUIRE(made);
  const auto& worker = *made;
  CHECK(worker->advertise(served(1)));
  CHECK(notices.count("connected to") == 1);
}

TEST_CASE("endpoints that are none are refused before anything is tried") {
  for (const char* text : {"", " , ", "ftp://a:1", "http://", "http://a:b",
                           "http://a:1/path", "http://a b:1"}) {
    CAPTURE(text);
    why_not(quick_options(text), errc::invalid);
  }
  const std::string reason =
      why_not(quick_options("http://root:secret@a:1"), errc::invalid);
  CHECK_FALSE(contains(reason, "secret"));
}

TEST_CASE("of several endpoints one that answers is enough") {
  const etcd_server_process server;
  const auto worker =
      join(quick_options(" " + silent_address() + " , " + server.url() + "/"));
  CHECK(worker->advertise(served(1)));
}

TEST_CASE("half a credential is refused") {
  auto options = quick_options("http://127.0.0.1:1");
  SECTION("a user without a password") {
    options.username = "root";
  }
  SECTION("a password without a user") {
    options.password = "x";
  }
  SECTION("a certificate without a key") {
    options.tls.certificate = "x";
  }
  SECTION("a key without a certificate") {
    options.tls.key = "x";
  }
  why_not(options, errc::invalid);
}

TEST_CASE("a server with passwords takes the right one only") {
  const etcd_server_process server;
  etcd_hand hand{server.url()};
  hand.enable_passwords("secret");
  const auto worker = join(with_password(server.url(), "secret"));
  REQUIRE(worker->advertise(served(1)));
  const auto router = join(with_password(server.url(), "secret"));
  believer b;
  b.watch(*router);
  CHECK(eventually([&] { return b.knows(served(1)) && b.synced(); }));

  const std::string wrong =
      why_not(with_password(server.url(), "wrong"), errc::invalid);
  INFO(wrong);
  CHECK(contains(wrong, "user \"root\""));
  CHECK_FALSE(contains(wrong, "wrong\""));
  CHECK(contains(why_not(quick_options(server.url()), errc::invalid),
                 "ETCD_AUTH_USERNAME"));
}

TEST_CASE("a password for a server that asks for none does no harm") {
  const etcd_server_process server;
  const auto worker = join(with_password(server.url(), "secret"));
  CHECK(worker->advertise(served(1)));
}

TEST_CASE("tokens that expire are renewed") {
  const etcd_server_process server{{"--auth-token-ttl", "1"}};
  etcd_hand hand{server.url()};
  hand.enable_passwords("secret");
  notice_log notices;
  auto options = with_password(server.url(), "secret");
  // Nothing is asked for while the token expires.
  options.compare = 60s;
  options.lease_ttl = 60s;
  const auto worker = join(options, notices.sink());
  const auto router = join(options);
  believer b;
  b.watch(*router);
  REQUIRE(worker->advertise(served(1)));
  // Every use makes a token live longer, so it is not used too often.
  REQUIRE(eventually([&] {
    std::this_thread::sleep_for(3s);
    return !hand.call(etcd_method::range,
                      encode(etcd_range_request{.key = "v1/"}))
                .end.is_ok();
  }));
  REQUIRE(worker->advertise(served(2)));
  CHECK(eventually([&] { return b.knows(served(2)); }));
  CHECK(notices.count("") == 0);
}

TEST_CASE("a password that is changed is waited for") {
  etcd_server_process server;
  etcd_hand hand{server.url()};
  hand.enable_passwords("secret");
  notice_log notices;
  const auto worker =
      join(with_password(server.url(), "secret"), notices.sink());
  REQUIRE(worker->advertise(served(1)));
  hand.change_password("another");
  // Tokens end with the server.
  server.kill(SIGTERM);
  server.start();
  CHECK(eventually([&] { return notices.count("authentication failed") > 0; }));
  CHECK_FALSE(worker->advertise(served(2)));
  etcd_hand again{server.url()};
  again.log_in("another");
  again.change_password("secret");
  CHECK(eventually([&] { return notices.count("connected to") > 0; }));
  CHECK(eventually([&] { return bool{worker->advertise(served(2))}; }));
}

TEST_CASE("TLS is taken with authorities, client certificates and passwords") {
  const certificates made;
  made.issue("client", "-days 2");
  std::vector<std::string> flags{"--cert-file", made.path("server.pem"),
                                 "--key-file", made.path("server.key")};
  SECTION("the authorities alone, by path or as text") {
    const etcd_server_process server{flags, "https"};
    auto options = quick_options(server.url());
    options.tls.ca = GENERATE(false, true) ? made.path("ca.pem")
                                           : read_file(made.path("ca.pem"));
    CHECK(join(options)->advertise(served(1)));
    options.startup_timeout = 300ms;
    options.tls.ca = made.path("other.pem");
    why_not(options, errc::unavailable);
    options.tls.ca = made.path("missing.pem");
    INFO(why_not(options, errc::unavailable));
    CHECK(contains(why_not(options, errc::unavailable), "missing.pem"));
  }
  SECTION("with a client certificate, by path or as text") {
    flags.insert(flags.end(), {"--client-cert-auth", "--trusted-ca-file",
                               made.path("ca.pem")});
    const etcd_server_process server{flags, "https"};
    auto options = quick_options(server.url());
    options.tls.ca = made.path("ca.pem");
    options.tls.certificate = made.path("client.pem");
    options.tls.key = made.path("client.key");
    if (GENERATE(false, true)) {
      options.tls.certificate = read_file(options.tls.certificate);
      options.tls.key = read_file(options.tls.key);
    }
    CHECK(join(options)->advertise(served(1)));
    options.startup_timeout = 300ms;
    options.tls.certificate.clear();
    options.tls.key.clear();
    why_not(options, errc::unavailable);
  }
  SECTION("with a password") {
    const etcd_server_process server{flags, "https"};
    etcd_hand hand{server.url(), made.path("ca.pem")};
    hand.enable_passwords("secret");
    auto options = with_password(server.url(), "secret");
    options.tls.ca = made.path("ca.pem");
    const auto worker = join(options);
    REQUIRE(worker->advertise(served(1)));
    believer b;
    b.watch(*worker);
    CHECK(eventually([&] { return b.knows(served(1)); }));
  }
}
