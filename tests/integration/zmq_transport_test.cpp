#include <atomic>
#include <cstdint>
#include <set>
#include <string>

#include "integration/zmq_fixture.hpp"

namespace dynamo::zmq_test {

TEST_CASE("a ZMQ sender writes four parts that any SUB can read") {
  const auto plane = started(loopback());
  const auto out = *plane->open({7, kv_events()});
  CHECK(out->endpoint().starts_with("tcp://127.0.0.1:"));

  zmq::context_t sockets;
  zmq::socket_t in{sockets, zmq::socket_type::sub};
  in.set(zmq::sockopt::subscribe, "kv-events");
  in.set(zmq::sockopt::rcvtimeo, 10'000);
  in.connect(out->endpoint());
  REQUIRE(eventually([&] { return out->subscribers() == 1U; }));

  CHECK(out->send(message(7, 258)) == send_outcome::sent);
  const std::vector<std::string> expected = {
      "kv-events", big_endian(7), big_endian(258), framed("\x01\x02\x03")};
  for (std::size_t at = 0; at < expected.size(); ++at) {
    zmq::message_t part;
    REQUIRE(in.recv(part));
    CHECK(part.to_string() == expected[at]);
    CHECK(part.more() == (at + 1 < expected.size()));
  }
  CHECK(out->counts().sent == 1);
  CHECK(out->counts().bytes == 3);
}

TEST_CASE("a ZMQ transport tells when somebody subscribes or leaves") {
  const auto plane = started(loopback());
  std::atomic<int> told = 0;
  plane->report_to(std::make_shared<connection_inbox>(inbox_limits{}),
                   [&told] { ++told; });
  const auto out = *plane->open({7, kv_events()});
  const auto quiet = *plane->open({8, kv_events()});
  CHECK(quiet->subscribers() == 0U);
  // What binding has stirred up is of no interest.
  CHECK(out->subscribers() == 0U);
  static_cast<void>(plane->stirred());

  std::set<std::uint64_t> stirred;
  const auto is_told = [&] {
    if (told.exchange(0) == 0) {
      return false;
    }
    stirred.merge(plane->stirred());
    return stirred.contains(7);
  };
  zmq::context_t sockets;
  for (int round = 0; round < 3; ++round) {
    {
      zmq::socket_t in{sockets, zmq::socket_type::sub};
      in.set(zmq::sockopt::linger, 0);
      in.set(zmq::sockopt::subscribe, "kv-events");
      in.connect(out->endpoint());
      // Nobody looks before it was told.
      REQUIRE(
          eventually([&] { return is_told() && out->subscribers() == 1U; }));
    }
    REQUIRE(eventually([&] { return is_told() && out->subscribers() == 0U; }));
  }
  CHECK(quiet->subscribers() == 0U);
  CHECK(stirred == std::set<std::uint64_t>{7});
}

TEST_CASE("a ZMQ receiver reads what any PUB writes") {
  follower f;
  bare_publisher out;
  f.connect(9, out.endpoint);
  CHECK(f.sees(9, connection_state::connected));
  REQUIRE(out.is_heard());
  out.send(good(9, 5));

  const auto taken = f.take(1);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].publisher_id == 9);
  CHECK(taken[0].sequence == 5);
  CHECK(taken[0].envelope == byte_buffer{'a', 'b', 'c'});
  CHECK(taken[0].name->topic == "kv-events");
}

TEST_CASE("a ZMQ receiver counts each kind of bad message and goes on") {
  follower f;
  bare_publisher out;
  f.connect(9, out.endpoint);
  REQUIRE(out.is_heard());
  const std::string id = big_endian(9);
  const std::string frame = framed("abc");

  out.send({"kv-events"});
  out.send({"kv-events", id, id});
  out.send({"kv-events", id, id, frame, "more"});
  out.send(std::vector<std::string>(5000, "kv-events"));
  out.send(good(9, 0));
  out.send({"kv-events-x", id, id, frame});
  out.send(good(9, 1));
  out.send({"kv-events", id.substr(1), id, frame});
  out.send({"kv-events", id, id + "x", frame});
  out.send(good(8, 0));
  out.send(good(9, 2));
  out.send({"kv-events", id, id, frame.substr(0, 4)});
  out.send({"kv-events", id, id, "\x02" + frame.substr(1)});
  out.send({"kv-events", id, id, frame.substr(0, 7)});
  out.send(good(9, 3));

  const auto taken = f.take(4);
  REQUIRE(taken.size() == 4);
  CHECK(taken[3].sequence == 3);
  const receiver_counts counts = f.in().counts();
  CHECK(counts.accepted == 4);
  CHECK(counts.bytes == 12);
  CHECK(counts.bad_parts == 4);
  CHECK(counts.bad_topic == 1);
  CHECK(counts.bad_identity == 3);
  CHECK(counts.bad_frame == 3);
}

TEST_CASE("ZMQ senders share a port range and say when it is used up") {
  const std::uint16_t port = [] {
    const bare_publisher probe;
    return static_cast<std::uint16_t>(
        std::stoi(probe.endpoint.substr(probe.endpoint.rfind(':') + 1)));
  }();
  zmq_options options = loopback();
  options.port_first = port;
  options.port_last = static_cast<std::uint16_t>(port + 1);
  const auto plane = started(options);

  // A neighbour may hold the second port; one of the two must be there.
  std::vector<std::unique_ptr<sender>> senders;
  std::string failure;
  for (int made = 0; made < 3 && failure.empty(); ++made) {
    auto out = plane->open({7, kv_events()});
    if (out) {
      senders.push_back(*std::move(out));
    } else {
      CHECK(out.error().code == errc::unavailable);
      failure = out.error().message;
    }
  }
  CHECK(senders.size() <= 2);
  CHECK(failure.find("no port from " + std::to_string(port) + " to " +
                     std::to_string(port + 1)) != std::string::npos);
}

TEST_CASE("a ZMQ sender counts subscribers as they come and go") {
  const auto plane = started(loopback());
  const auto out = *plane->open({7, kv_events()});
  CHECK(out->subscribers() == 0U);
  CHECK(out->send(message(7, 0)) == send_outcome::unheard);
  CHECK(out->counts().unheard == 1);

  zmq::context_t sockets;
  const auto subscriber = [&](const std::string& prefix) {
    zmq::socket_t in{sockets, zmq::socket_type::sub};
    in.set(zmq::sockopt::linger, 0);
    in.set(zmq::sockopt::subscribe, prefix);
    in.connect(out->endpoint());
    return in;
  };
  const auto counted = [&](std::size_t count) {
    return eventually([&] { return out->subscribers() == count; });
  };
  zmq::socket_t first = subscriber("kv-events");
  REQUIRE(counted(1));
  zmq::socket_t all = subscriber("");
  REQUIRE(counted(2));
  zmq::socket_t other = subscriber("kv-events-x");
  zmq::socket_t third = subscriber("kv");
  REQUIRE(counted(3));
  first.set(zmq::sockopt::unsubscribe, "kv-events");
  REQUIRE(counted(2));
  all.close();
  REQUIRE(counted(1));
  other.close();
  third.close();
  REQUIRE(counted(0));
  CHECK(out->send(message(7, 1)) == send_outcome::unheard);
}

TEST_CASE("ZMQ transports find each other over IPv6") {
  zmq_options options = loopback();
  options.host = "::1";
  options.bind = "*";
  const auto plane = started(options);
  auto out = plane->open({7, kv_events()});
  if (!out) {
    WARN("no IPv6 on this host: " << to_string(out.error()));
    return;
  }
  CHECK((*out)->endpoint().starts_with("tcp://[::1]:"));
  options.endpoints_per_socket = 2;
  follower f{options};
  f.connect(7, (*out)->endpoint());
  REQUIRE(f.sees(7, connection_state::connected));
  REQUIRE(eventually([&] { return (*out)->subscribers() == 1U; }));
  (*out)->send(message(7, 0));
  CHECK(f.take(1).size() == 1);
}

TEST_CASE("a ZMQ sender that closes delivers what it was given") {
  zmq_options options = loopback();
  follower f{options, {200'000, 1'000'000'000, overflow_policy::drop_newest}};
  auto plane = started(options);
  auto out = *plane->open({7, kv_events()});
  f.connect(7, out->endpoint());
  REQUIRE(eventually([&] { return out->subscribers() == 1U; }));
  constexpr std::uint64_t count = 20'000;
  for (std::uint64_t sequence = 0; sequence < count; ++sequence) {
    REQUIRE(out->send(message(7, sequence)) == send_outcome::sent);
  }
  out.reset();
  plane.reset();
  REQUIRE(f.sees(7, connection_state::lost));
  // `lost` comes after the last message.
  CHECK(f.messages->counts().depth == count);
}

TEST_CASE("ZMQ transports end quickly, whatever is still open") {
  const auto begun = std::chrono::steady_clock::now();
  {
    follower f;
    const auto plane = started(loopback());
    const auto out = *plane->open({7, kv_events()});
    f.connect(7, out->endpoint());
    f.connect(8, "tcp://127.0.0.1:1");
    REQUIRE(f.sees(7, connection_state::connected));
    f.connect(9, "tcp://127.0.0.1:1");
    out->send(message(7, 0));
  }
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
}

TEST_CASE("make_zmq_transport names the option that it cannot accept") {
  const auto failure = [](auto change) {
    zmq_options options = loopback();
    change(options);
    const auto made = make_zmq_transport(options);
    return made ? std::string{} : to_string(made.error());
  };
  using options = zmq_options;
  CHECK(failure([](options& o) {
          o.host = "nosuchif";
        }).find("DYN_EVENT_PLANE_HOST") != std::string::npos);
  CHECK(failure([](options& o) { o.bind = "localhost"; }).find("zmq.bind") !=
        std::string::npos);
  CHECK(failure([](options& o) { o.port_last = 5000; }).find("zmq ports") !=
        std::string::npos);
  CHECK(failure([](options& o) { o.io_threads = 0; }).find("zmq.io_threads") !=
        std::string::npos);
  CHECK(failure([](options& o) {
          o.endpoints_per_socket = 0;
        }).find("zmq.endpoints_per_socket") != std::string::npos);
}

} // namespace dynamo::zmq_test
