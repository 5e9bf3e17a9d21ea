#include <string>
#include <vector>

#include "nats_fixture.hpp"

// What a link does when the server refuses, freezes, dies, or asks to be left.

namespace dynamo::nats_test {

namespace {

const std::string seed =
    "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const std::string public_key =
    "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string users(const std::string& name, const std::string& password) {
  return "authorization { user: \"" + name + "\", password: \"" + password +
         "\" }";
}

} // namespace

// -- Not there

TEST_CASE("nats_link says which servers it did not reach, and rests") {
  station ours{quick("127.0.0.1:1,nats://me:hunter2@127.0.0.1:2")};
  const link_change failed = ours.connect();
  CHECK(failed.state == link_state::connecting);
  CHECK(failed.epoch == 0);
  CHECK(failed.server == "nats://127.0.0.1:1, nats://127.0.0.1:2");
  INFO(failed.reason);
  CHECK(holds(failed.reason, "nats://127.0.0.1:1: "));
  CHECK(holds(failed.reason, "nats://127.0.0.1:2: "));
  CHECK_FALSE(holds(failed.reason, "hunter2"));
  CHECK(ours.link->counts().failures == 1);

  // The next report is that of the attempt that was asked for.
  CHECK(ours.connect().state == link_state::connecting);
  CHECK(ours.changes.empty());
  CHECK(ours.link->counts().failures == 2);
}

TEST_CASE("nats_link tries the next server when one is not there") {
  const nats_server_process server;
  station ours{quick("127.0.0.1:1," + server.address())};
  const link_change made = ours.connect();
  CHECK(made.state == link_state::connected);
  CHECK(made.server == server.url());
}

TEST_CASE(
    "nats_link gives up a server that falls silent while it connects, and "
    "calls it no more before it has spoken") {
  const silent_server silent;
  nats_options options = quick(silent.address());
  options.connect_timeout = 200ms;
  station ours{options};
  const link_change failed = ours.connect();
  CHECK(failed.state == link_state::connecting);
  INFO(failed.reason);
  CHECK(holds(failed.reason, "no answer within 400 ms"));
  CHECK(holds(ours.connect().reason, "has not answered an earlier attempt"));
}

// -- Refused

TEST_CASE("nats_link reports a refusal as what it is, without the secret, and "
          "connects once it is corrected on the server") {
  nats_server_process server{users("me", "right")};
  nats_options options = quick(server.address());
  options.username = "me";
  options.password = "hunter2";
  station ours{options};
  const link_change failed = ours.connect();
  CHECK(failed.state == link_state::authentication_failed);
  INFO(failed.reason);
  CHECK(failed.server == server.url());
  CHECK(holds(failed.reason, "Authorization Violation"));
  CHECK_FALSE(holds(failed.reason, "hunter2"));

  server.kill();
  server.configure(users("me", "hunter2"));
  server.start();
  ours.must_connect();
}

TEST_CASE("nats_link identifies itself in each of the ways there are") {
  SECTION("user and password with characters that JSON escapes") {
    const nats_server_process server{users("m\\\"e", "a\\\\b\\\"c")};
    nats_options options = quick(server.address());
    options.username = "m\"e";
    options.password = "a\\b\"c";
    station{options}.must_connect();
  }
  SECTION("user and password of the URL, before those configured") {
    const nats_server_process server{users("me", "a@b")};
    nats_options options = quick("me:a%40b@" + server.address());
    options.token = "other";
    station{options}.must_connect();
  }
  SECTION("token") {
    const nats_server_process server{"authorization { token: \"s3cr3t\" }"};
    nats_options options = quick(server.address());
    options.token = "s3cr3t";
    station{options}.must_connect();
  }
  SECTION("nkey seed") {
    const nats_server_process server{
        "authorization { users: [ { nkey: " + public_key + " } ] }"};
    nats_options options = quick(server.address());
    options.nkey_seed = seed;
    station{options}.must_connect();
  }
  SECTION("user and user, as Dynamo does when nothing is configured") {
    const nats_server_process server{users("user", "user")};
    station{quick(server.address())}.must_connect();
  }
}

// -- TLS

TEST_CASE("nats_link checks who a server is") {
  const certificates made;
  nats_server_process server{nats_test::tls_config(made, "server")};
  nats_options options = quick("tls://" + server.address());
  SECTION("signed by an authority that is trusted") {
    options.tls.ca = made.path("ca.pem");
    station ours{options};
    const link_change change = ours.connect();
    INFO(change.reason);
    CHECK(change.state == link_state::connected);
    CHECK(change.server == "tls://" + server.address());
    ours.publish(1, messages(0, 100));
    CHECK(ours.outcome().sent == 100);
  }
  SECTION("signed by one that is not") {
    options.tls.ca = made.path("other.pem");
    const link_change change = station{options}.connect();
    INFO(change.reason);
    CHECK(change.state == link_state::connecting);
    CHECK((holds(change.reason, "unable to get local issuer certificate") ||
           holds(change.reason, "self-signed certificate") ||
           holds(change.reason, "self signed certificate")));
  }
  SECTION("signed by one that is not, and unchecked") {
    options.tls.insecure = true;
    station{options}.must_connect();
  }
  SECTION("under another name") {
    options.servers = "tls://localhost.localdomain:1,tls://127.0.0.2:" +
                      std::to_string(server.port());
    options.tls.ca = made.path("ca.pem");
    CHECK(station{options}.connect().state == link_state::connecting);
  }
}

TEST_CASE("nats_link says that a server's certificate has expired") {
  const certificates made;
  made.issue("expired", "-days -1");
  const nats_server_process server{nats_test::tls_config(made, "expired")};
  nats_options options = quick("tls://" + server.address());
  options.tls.ca = made.path("ca.pem");
  const link_change change = station{options}.connect();
  INFO(change.reason);
  CHECK(change.state == link_state::connecting);
  CHECK(holds(change.reason, "certificate has expired"));
}

TEST_CASE("nats_link shows its own certificate where one is wanted") {
  const certificates made;
  made.issue("client", "-days 2");
  const nats_server_process server{
      "tls { cert_file: \"" + made.path("server.pem") + "\", key_file: \"" +
      made.path("server.key") + "\", ca_file: \"" + made.path("ca.pem") +
      "\", verify: true }"};
  nats_options options = quick("tls://" + server.address());
  options.tls.ca = made.path("ca.pem");
  CHECK(station{options}.connect().state == link_state::connecting);
  options.tls.certificate = made.path("client.pem");
  options.tls.key = made.path("client.key");
  station{options}.must_connect();
}

// -- Killed and frozen

TEST_CASE("nats_link reports a server that dies, and takes up its "
          "subscriptions again when it is back") {
  nats_server_process server;
  station ours{quick(server.address())};
  ours.subscribe();
  ours.must_connect();
  server.kill();
  const link_change lost = ours.change();
  CHECK(lost.state == link_state::reconnecting);
  CHECK(lost.server == server.url());
  CHECK(lost.epoch == 1);
  CHECK_FALSE(lost.reason.empty());
  CHECK_FALSE(lost.lame_duck);
  ours.publish(1, messages(0, 1));
  CHECK(ours.connect().state == link_state::reconnecting);

  server.start();
  const link_change back = ours.connect();
  REQUIRE(back.state == link_state::connected);
  CHECK(back.epoch == 2);
  // Of the old connection: dropped.
  ours.publish(2, messages(1, 1), 1);
  ours.publish(3, messages(2, 1), 2);
  const link_outcome outcome = ours.outcome();
  CHECK(outcome.number == 3);
  CHECK(outcome.epoch == 2);
  CHECK_FALSE(outcome.unheard);
  CHECK(ours.take(1).front().sequence == 2);
  CHECK(ours.link->received().accepted == 1);
  const link_counts counts = ours.link->counts();
  CHECK(counts.connects == 2);
  CHECK(counts.losses == 1);
  CHECK(counts.failures == 1);
  CHECK(ours.outcomes.empty());
}

TEST_CASE("nats_link answers for no batch that a dying server did not "
          "confirm") {
  nats_server_process server;
  station ours{quick(server.address())};
  ours.must_connect();
  server.freeze();
  for (std::uint64_t number = 1; number <= 50; ++number) {
    ours.publish(number, messages(number, 1));
  }
  server.kill();
  CHECK(ours.change().state == link_state::reconnecting);
  CHECK(ours.outcomes.empty());
  CHECK(ours.link->counts().confirmed == 0);
}

TEST_CASE("nats_link loses nothing when the server stands still for less than "
          "stale_after") {
  nats_server_process server;
  station publisher{quick(server.address())};
  station subscriber{quick(server.address())};
  subscriber.subscribe();
  subscriber.must_connect();
  publisher.must_connect();
  server.freeze();
  publisher.publish(1, messages(0, 1000));
  CHECK_FALSE(eventually(
      [&] {
        publisher.read_reports();
        return !publisher.outcomes.empty() || !publisher.changes.empty();
      },
      1200ms));
  server.thaw();
  CHECK(publisher.outcome().sent == 1000);
  CHECK(subscriber.take(1000).size() == 1000);
  subscriber.read_reports();
  CHECK(publisher.changes.empty());
  CHECK(subscriber.changes.empty());
}

TEST_CASE("nats_link leaves a server that stands still for longer") {
  nats_server_process server;
  nats_options options = quick(server.address());
  options.stale_after = 400ms;
  station publisher{options};
  station idle{options};
  publisher.must_connect();
  idle.must_connect();
  server.freeze();
  publisher.publish(1, messages(0, 10));
  for (station* each : {&publisher, &idle}) {
    const link_change lost = each->change();
    CHECK(lost.state == link_state::reconnecting);
    INFO(lost.reason);
    CHECK(holds(lost.reason, server.url() + " answered nothing for "));
  }
  CHECK(publisher.outcomes.empty());
  server.thaw();
  publisher.must_connect();
}

TEST_CASE("nats_link that is closed does not wait for a server that stands "
          "still") {
  nats_server_process server;
  nats_options options = quick(server.address());
  options.stale_after = 10'000ms;
  options.drain_timeout = 200ms;
  station ours{options};
  ours.subscribe();
  ours.must_connect();
  server.freeze();
  ours.publish(1, messages(0, 10));
  const auto began = std::chrono::steady_clock::now();
  ours.link->close();
  CHECK(std::chrono::steady_clock::now() - began < 2s);
  CHECK(ours.outcomes.empty());
}

// -- Clusters

TEST_CASE("nats_link leaves a lame duck for another member of its cluster") {
  nats_server_process first{
      "lame_duck_duration: \"30s\"\nlame_duck_grace_period: \"1s\"\n"
      "cluster { name: c, listen: \"127.0.0.1:-1\" }"};
  const nats_server_process second{
      "cluster { name: c, listen: \"127.0.0.1:-1\", routes: [ "
      "\"nats://127.0.0.1:" +
      std::to_string(first.cluster_port()) + "\" ] }"};
  // A member tells its clients of the others when it knows them.
  REQUIRE(eventually([&] {
    bare_client probe{first.url()};
    char** urls = nullptr;
    int count = 0;
    natsConnection_GetDiscoveredServers(probe.connection, &urls, &count);
    for (int at = 0; at < count; ++at) {
      free(urls[at]);
    }
    free(urls);
    return count > 0;
  }));
  station ours{quick(first.address())};
  ours.subscribe();
  ours.must_connect();
  first.send(SIGUSR2);
  const link_change asked = ours.change();
  CHECK(asked.state == link_state::reconnecting);
  CHECK(asked.lame_duck);
  CHECK(asked.server == first.url());

  const link_change made = ours.connect();
  INFO(made.reason);
  REQUIRE(made.state == link_state::connected);
  CHECK(made.server == second.url());
  ours.publish(1, messages(0, 1), 2);
  CHECK(ours.outcome().sent == 1);
  CHECK(ours.take(1).size() == 1);
}

} // namespace dynamo::nats_test
