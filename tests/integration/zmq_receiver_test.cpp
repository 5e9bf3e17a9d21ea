#include <atomic>
#include <string>

#include "integration/zmq_fixture.hpp"

namespace dynamo::zmq_test {

TEST_CASE("a ZMQ receiver reports a publisher that goes away, and its return") {
  follower f;
  auto out = std::make_unique<bare_publisher>();
  const std::string endpoint = out->endpoint;
  f.connect(9, endpoint);
  REQUIRE(f.sees(9, connection_state::connected));
  out.reset();
  REQUIRE(f.sees(9, connection_state::lost));

  f.connect(9, endpoint);
  REQUIRE(f.sees(9, connection_state::failed));
  bare_publisher again{endpoint};
  f.connect(9, endpoint);
  REQUIRE(f.sees(9, connection_state::connected));
  REQUIRE(again.is_heard());
  again.send(good(9, 0));
  CHECK(f.take(1).size() == 1);
}

TEST_CASE("a ZMQ receiver comes through 100 flaps of a peer") {
  zmq_options options = loopback();
  options.endpoints_per_socket = GENERATE(1, 4);
  follower f{options};
  const bare_publisher steady;
  f.connect(1, steady.endpoint);
  REQUIRE(f.sees(1, connection_state::connected));

  auto flapping = std::make_unique<bare_publisher>();
  const std::string endpoint = flapping->endpoint;
  for (std::uint64_t flap = 0; flap < 100; ++flap) {
    f.connect(9, endpoint);
    REQUIRE(f.sees(9, connection_state::connected));
    REQUIRE(flapping->is_heard());
    flapping->send(good(9, flap));
    flapping.reset();
    REQUIRE(f.sees(9, connection_state::lost));
    flapping = std::make_unique<bare_publisher>(endpoint);
  }
  CHECK(f.take(100).size() == 100);
}

TEST_CASE("a ZMQ receiver tries once, and again only when told to") {
  follower f;
  std::string endpoint;
  {
    const bare_publisher probe;
    endpoint = probe.endpoint;
  }
  f.connect(9, endpoint);
  REQUIRE(f.sees(9, connection_state::failed));
  bare_publisher out{endpoint};
  f.connect(9, endpoint);
  CHECK(f.sees(9, connection_state::connected));
}

TEST_CASE("a ZMQ receiver gives up a peer that never shakes hands") {
  zmq_options options = loopback();
  options.connect_timeout = 200ms;
  follower f{options};
  zmq::context_t sockets;
  zmq::socket_t silent{sockets, zmq::socket_type::stream};
  silent.set(zmq::sockopt::linger, 0);
  silent.bind("tcp://127.0.0.1:*");
  f.connect(9, silent.get(zmq::sockopt::last_endpoint));
  CHECK(f.sees(9, connection_state::failed));
}

TEST_CASE("a ZMQ receiver loses a peer whose message is too large") {
  zmq_options options = loopback();
  options.message_bytes_max = 1000;
  follower f{options};
  bare_publisher out;
  f.connect(9, out.endpoint);
  REQUIRE(out.is_heard());
  out.send({"kv-events", big_endian(9), big_endian(0),
            framed(std::string(2000, 'x'))});
  CHECK(f.sees(9, connection_state::lost));
}

TEST_CASE("a ZMQ receiver counts what its inbox does not hold") {
  follower f{loopback(), {10, 1'000'000, overflow_policy::drop_newest}};
  bare_publisher out;
  f.connect(9, out.endpoint);
  REQUIRE(out.is_heard());
  for (std::uint64_t sequence = 0; sequence < 100; ++sequence) {
    out.send(good(9, sequence));
  }
  CHECK(eventually([&] { return f.in().counts().overflowed == 90; }));
  CHECK(f.in().counts().accepted == 10);
}

TEST_CASE("a ZMQ receiver puts two endpoints on one SUB and tells them apart") {
  zmq_options options = loopback();
  options.endpoints_per_socket = 2;
  // The monitor takes two sockets beside each SUB: a second SUB does not fit.
  options.sockets_max = 4;
  follower f{options};
  bare_publisher first;
  auto second = std::make_unique<bare_publisher>();
  f.connect(1, first.endpoint);
  REQUIRE(f.sees(1, connection_state::connected));
  f.connect(2, second->endpoint);
  REQUIRE(f.sees(2, connection_state::connected));
  REQUIRE(first.is_heard());
  REQUIRE(second->is_heard());
  first.send(good(1, 0));
  second->send(good(2, 0));
  second->send(good(3, 0));
  CHECK(f.take(2).size() == 2);
  CHECK(eventually([&] { return f.in().counts().bad_identity == 1; }));

  second.reset();
  REQUIRE(f.sees(2, connection_state::lost));
  first.send(good(1, 1));
  CHECK(f.take(1).size() == 1);
}

TEST_CASE("a ZMQ receiver hears each of many sockets, together and alone") {
  constexpr std::uint64_t count = 60;
  follower f;
  zmq::context_t sockets;
  std::vector<zmq::socket_t> publishers;
  for (std::uint64_t id = 1; id <= count; ++id) {
    zmq::socket_t& one =
        publishers.emplace_back(sockets, zmq::socket_type::xpub);
    one.set(zmq::sockopt::linger, 0);
    one.set(zmq::sockopt::rcvtimeo, 10'000);
    one.bind("tcp://127.0.0.1:*");
    f.connect(id, one.get(zmq::sockopt::last_endpoint));
  }
  for (zmq::socket_t& one : publishers) {
    zmq::message_t heard;
    REQUIRE(one.recv(heard));
  }
  for (std::uint64_t id = 1; id <= count; ++id) {
    send_to(publishers[id - 1], good(id, 0));
  }
  CHECK(f.take(count).size() == count);
  for (std::uint64_t id = 1; id <= count; ++id) {
    send_to(publishers[id - 1], good(id, 1));
    const auto taken = f.take(1);
    REQUIRE(taken.size() == 1);
    CHECK(taken.front().publisher_id == id);
  }
}

TEST_CASE("a ZMQ receiver without sockets left says how to get more") {
  zmq_options options = loopback();
  options.sockets_max = 3;
  follower f{options};
  const bare_publisher first;
  const bare_publisher second;
  f.connect(1, first.endpoint);
  f.connect(2, second.endpoint);
  f.connect(3, second.endpoint);
  REQUIRE(f.sees(3, connection_state::failed));
  CHECK(eventually([&] {
    f.connect(4, second.endpoint);
    std::vector<inbox_item<connection_change>> items;
    f.changes->drain(items, 100);
    return !items.empty() && items.back().value.reason.find(
                                 "zmq.sockets_max") != std::string::npos;
  }));
}

TEST_CASE("a ZMQ receiver replaces a connection to the same publisher") {
  follower f;
  bare_publisher old;
  bare_publisher moved;
  f.connect(9, old.endpoint);
  REQUIRE(f.sees(9, connection_state::connected));
  f.connect(9, moved.endpoint);
  REQUIRE(f.sees(9, connection_state::connected));
  REQUIRE(moved.is_heard());
  moved.send(good(9, 1));
  const auto taken = f.take(1);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].sequence == 1);
}

TEST_CASE("a ZMQ receiver reports nothing for what was ended on purpose") {
  follower f;
  auto first = std::make_unique<bare_publisher>();
  const bare_publisher second;
  f.connect(1, first->endpoint);
  REQUIRE(f.sees(1, connection_state::connected));
  f.in().disconnect(1, 1);
  first.reset();
  f.connect(2, second.endpoint);
  REQUIRE(f.sees(2, connection_state::connected));
  f.in().unsubscribe(1);
  CHECK(f.changed.empty());
  CHECK(f.changes->counts().depth == 0);
  CHECK_FALSE(f.in().connect(1, {2, second.endpoint}));
}

TEST_CASE("a ZMQ receiver wakes nobody after unsubscribe returned") {
  for (int round = 0; round < 20; ++round) {
    follower f;
    bare_publisher out;
    std::atomic<bool> ended = false;
    std::atomic<int> late = 0;
    const auto messages = std::make_shared<message_inbox>(inbox_limits{});
    REQUIRE(f.in().subscribe(
        {2, kv_events(), messages, [&] { late += ended ? 1 : 0; }}));
    REQUIRE(f.in().connect(2, {9, out.endpoint}));
    REQUIRE(out.is_heard());
    std::vector<inbox_item<wire_message>> items;
    for (std::uint64_t sequence = 0; sequence < 100; ++sequence) {
      out.send(good(9, sequence));
      messages->drain(items, 100);
    }
    f.in().unsubscribe(2);
    ended = true;
    f.in().unsubscribe(1);
    CHECK(late == 0);
  }
}

TEST_CASE("a ZMQ receiver refuses what it cannot do") {
  follower f;
  CHECK_FALSE(f.in().subscribe({1, kv_events(), f.messages, [] {}}));
  for (const char* endpoint :
       {"tcp://localhost:5000", "ipc:///tmp/x", "tcp://127.0.0.1:0", ""}) {
    const status begun = f.in().connect(1, {9, endpoint});
    REQUIRE_FALSE(begun);
    CHECK(begun.error().code == errc::invalid);
  }
  const status unknown = f.in().connect(2, {9, "tcp://127.0.0.1:5000"});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == errc::not_found);
  f.in().unsubscribe(2);
  f.in().disconnect(2, 9);
}

} // namespace dynamo::zmq_test
