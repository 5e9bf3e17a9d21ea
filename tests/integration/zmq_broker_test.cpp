#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "integration/broker_fixture.hpp"

namespace dynamo::zmq_test {

TEST_CASE("a broker passes messages down and subscriptions up") {
  const auto broker = started(loopback_broker());
  broker_publisher out{*broker};
  broker_client in{*broker, "kv"};
  CHECK(out.heard() == "\x01kv");

  const std::vector<std::string> large = {"kv-events", std::string(300, 'x'),
                                          "", std::string(100'000, 'y')};
  out.send(good(7, 258));
  out.send({"kx", "of another topic"});
  out.send(large);
  CHECK(in.receive() == good(7, 258));
  CHECK(in.receive() == large);

  in.socket.set(zmq::sockopt::unsubscribe, "kv");
  CHECK(out.heard() == std::string{"\0kv", 3});
  CHECK(eventually([&] { return broker->counts().subscriptions == 0; }));
}

TEST_CASE("a broker counts what it received, delivered and nobody heard") {
  const auto broker = started(loopback_broker());
  broker_publisher out{*broker};
  broker_client first{*broker, ""};
  REQUIRE(out.heard() == "\x01");
  broker_client second{*broker, "kv-events"};
  REQUIRE(out.heard() == "\x01kv-events");

  out.send(good(7, 1));
  out.send({"load"});
  CHECK(first.receive() == good(7, 1));
  CHECK(first.receive() == std::vector<std::string>{"load"});
  CHECK(second.receive() == good(7, 1));
  REQUIRE(eventually([&] { return broker->counts().delivered == 3; }));
  const broker_counts counts = broker->counts();
  CHECK(counts.received == 2);
  CHECK(counts.received_bytes == 9 + 8 + 8 + 8 + 4);
  CHECK(counts.unheard == 0);
  CHECK(counts.dropped == 0);
  CHECK(counts.subscribers == 2);
  CHECK(counts.subscriptions == 2);
}

TEST_CASE("a message that no subscriber of a broker wants is unheard") {
  const auto broker = started(loopback_broker());
  // A PUB that does not look at subscriptions, as a hostile one.
  zmq::context_t sockets;
  zmq::socket_t out{sockets, zmq::socket_type::xpub};
  out.set(zmq::sockopt::linger, 5000);
  out.set(zmq::sockopt::xpub_manual, true);
  out.connect(broker->xsub_endpoint());
  broker_client in{*broker, "kv"};
  zmq::message_t heard;
  REQUIRE(out.recv(heard));
  out.set(zmq::sockopt::subscribe, "");
  out.send(zmq::str_buffer("load"));
  CHECK(eventually([&] { return broker->counts().unheard == 1; }));
  CHECK(broker->counts().received == 1);
}

TEST_CASE("a subscriber that does not read misses exactly what is counted") {
  broker_options options = loopback_broker();
  options.queue_items_max = 50;
  // So long that a busy machine does not make the quick one late, too.
  options.wait_max = 1000ms;
  const auto broker = started(options);
  broker_publisher out{*broker};
  broker_client slow{*broker, "slow", 1};
  broker_client quick{*broker, ""};
  REQUIRE(has_subscribers(*broker, 2));
  REQUIRE(eventually([&] { return broker->counts().subscriptions == 2; }));
  REQUIRE(out.heard() != "nothing");
  REQUIRE(out.heard() != "nothing");

  constexpr std::size_t count = 3000;
  for (std::size_t at = 0; at < count; ++at) {
    out.send({"slow", std::string(4000, 'x')});
  }
  for (std::size_t at = 0; at < count; ++at) {
    REQUIRE(quick.receive().size() == 2);
  }
  REQUIRE(eventually([&] { return broker->counts().received == count; }));
  const broker_counts counts = broker->counts();
  CHECK(counts.missed > 0);
  CHECK(counts.dropped == counts.missed);
  CHECK(counts.delivered + counts.missed == 2 * count);

  std::size_t taken = 0;
  while (taken < counts.delivered - count && slow.receive().size() == 2) {
    ++taken;
  }
  CHECK(taken == counts.delivered - count);
  CHECK(eventually([&] { return broker->counts().waiting == 0; }));

  // It has caught up and misses nothing any more.
  out.send({"slow", "again"});
  CHECK(slow.receive() == std::vector<std::string>{"slow", "again"});
}

TEST_CASE("a subscriber that pauses shorter than the wait misses nothing") {
  broker_options options = loopback_broker();
  options.queue_items_max = 20;
  options.wait_max = 20'000ms;
  const auto broker = started(options);
  broker_publisher out{*broker};
  broker_client slow{*broker, "", 1};
  REQUIRE(out.heard() == "\x01");

  constexpr std::size_t count = 3000;
  for (std::size_t at = 0; at < count; ++at) {
    out.send({std::to_string(at), std::string(4000, 'x')});
  }
  REQUIRE(eventually([&] { return broker->counts().held > 0; }));
  for (std::size_t at = 0; at < count; ++at) {
    const auto parts = slow.receive();
    REQUIRE(parts.size() == 2);
    REQUIRE(parts[0] == std::to_string(at));
  }
  CHECK(broker->counts().missed == 0);
}

TEST_CASE("a broker's end passes on what its publishers have sent") {
  const auto broker = started(loopback_broker());
  broker_client in{*broker, ""};
  {
    broker_publisher out{*broker};
    REQUIRE(out.heard() == "\x01");
    for (std::size_t at = 0; at < 1000; ++at) {
      out.send({std::to_string(at)});
    }
  }
  REQUIRE(eventually([&] { return broker->counts().received > 0; }));
  broker->stop();
  CHECK(broker->counts().received == 1000);
  for (std::size_t at = 0; at < 1000; ++at) {
    REQUIRE(in.receive() == std::vector<std::string>{std::to_string(at)});
  }
  broker->stop();
}

TEST_CASE("a subscriber that vanishes takes its subscriptions along") {
  const auto broker = started(loopback_broker());
  broker_publisher out{*broker};
  {
    broker_client in{*broker, "kv"};
    CHECK(out.heard() == "\x01kv");
  }
  CHECK(out.heard() == std::string{"\0kv", 3});
  CHECK(has_subscribers(*broker, 0));
}

TEST_CASE("publishers that come later learn what is wanted") {
  const auto broker = started(loopback_broker());
  broker_client in{*broker, "kv"};
  REQUIRE(eventually([&] { return broker->counts().subscriptions == 1; }));
  broker_publisher out{*broker};
  CHECK(out.heard() == "\x01kv");
}

TEST_CASE("a broker closes what is no subscriber, and goes on") {
  broker_options options = loopback_broker();
  options.handshake_timeout = 50ms;
  options.subscribers_max = 1;
  options.subscriptions_max = 2;
  const auto broker = started(options);
  const auto port = parse_tcp_endpoint(broker->xpub_endpoint())->port;
  const auto is_closed_after = [port](std::string_view text) {
    const int peer = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(peer, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(send(peer, text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
    char bytes[256];
    ssize_t come = 0;
    while ((come = recv(peer, bytes, sizeof bytes, 0)) > 0) {
    }
    close(peer);
    return come <= 0;
  };
  CHECK(is_closed_after("GET / HTTP/1.1\r\n\r\n"));
  REQUIRE(has_subscribers(*broker, 0));
  // It says nothing.
  CHECK(is_closed_after(""));
  CHECK(eventually([&] { return broker->counts().subscribers_bad == 2; }));

  {
    // One subscription too many.
    broker_client in{*broker, "1"};
    in.socket.set(zmq::sockopt::subscribe, "2");
    in.socket.set(zmq::sockopt::subscribe, "3");
    CHECK(eventually([&] { return broker->counts().subscribers_bad > 2; }));
  }
  REQUIRE(has_subscribers(*broker, 0));

  broker_client in{*broker, "kv"};
  REQUIRE(eventually([&] { return broker->counts().subscriptions == 1; }));
  CHECK(is_closed_after(""));
  CHECK(eventually([&] { return broker->counts().subscribers_refused == 1; }));
}

TEST_CASE("a message of too many parts is bad and passed on to nobody") {
  const auto broker = started(loopback_broker());
  broker_publisher out{*broker};
  broker_client in{*broker, ""};
  REQUIRE(out.heard() == "\x01");
  out.send(std::vector<std::string>(65, "kv"));
  out.send(std::vector<std::string>(64, "kv"));
  CHECK(in.receive().size() == 64);
  CHECK(eventually([&] { return broker->counts().bad == 1; }));
}

TEST_CASE("a broker says which of its addresses cannot be had") {
  broker_options options = loopback_broker();
  options.xsub_bind = "tcp://name:5555";
  auto failed = zmq_broker::start(options, {});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == errc::invalid);
  CHECK(failed.error().message.starts_with("broker.xsub_bind: "));

  const auto first = started(loopback_broker());
  options = loopback_broker();
  options.xpub_bind = first->xpub_endpoint();
  failed = zmq_broker::start(options, {});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == errc::unavailable);
  options = loopback_broker();
  options.xsub_bind = first->xsub_endpoint();
  CHECK_FALSE(zmq_broker::start(options, {}));
}

} // namespace dynamo::zmq_test
