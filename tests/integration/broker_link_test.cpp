#include "dynamo/transport/broker_link.hpp"
#include "dynamo/wire/envelope_codec.hpp"

#include <atomic>
#include <functional>
#include <set>

#include "broker_fixture.hpp"

using namespace std::chrono_literals;

namespace dynamo::zmq_test {

namespace {

const auto name = std::make_shared<const stream_name>(
    stream_name{"kv-events", "namespace.dynamo.component.backend.kv-events"});

wire_message message(std::uint64_t sequence, std::size_t bytes = 20) {
  const byte_buffer payload(bytes, 0);
  envelope content;
  content.publisher_id = 7;
  content.sequence = sequence;
  content.topic = "kv-events";
  content.payload = payload;
  wire_message made{name, 7, sequence, {}};
  REQUIRE(encode_envelope(content, made.envelope));
  return made;
}

/// A link and what it reports.
struct station {
  std::shared_ptr<link_inbox> reports =
      std::make_shared<link_inbox>(inbox_limits{});
  std::shared_ptr<message_inbox> received =
      std::make_shared<message_inbox>(inbox_limits{});
  std::vector<link_change> changes;
  std::vector<link_outcome> outcomes;
  std::vector<std::uint64_t> sequences;
  std::unique_ptr<broker_link> link;
  std::uint64_t number = 0;

  explicit station(const broker_endpoints& brokers,
                   std::chrono::milliseconds connect_timeout = 5s,
                   int send_hwm = 100'000) {
    zmq_options options;
    options.connect_timeout = connect_timeout;
    options.send_hwm = send_hwm;
    auto made = make_broker_link(options);
    REQUIRE(made);
    link = *std::move(made);
    link->report_to(reports, [] {});
    link->use(brokers);
    link->connect();
  }

  void read() {
    std::vector<inbox_item<link_report>> items;
    reports->drain(items, 10'000);
    for (auto& item : items) {
      if (auto* change = std::get_if<link_change>(&item.value)) {
        changes.push_back(std::move(*change));
      } else {
        outcomes.push_back(std::get<link_outcome>(item.value));
      }
    }
    std::vector<inbox_item<wire_message>> messages;
    received->drain(messages, 1'000'000);
    for (const auto& item : messages) {
      sequences.push_back(item.value.sequence);
    }
  }

  bool is(link_state state) {
    return eventually([&] {
      read();
      return !changes.empty() && changes.back().state == state;
    });
  }

  /// Every way of both sides is connected.
  bool has_paths(std::size_t count) {
    return eventually([&] {
      const auto paths = link->paths();
      return paths.size() == count &&
             std::all_of(paths.begin(), paths.end(),
                         [](const path_status& one) { return one.is_up; });
    });
  }

  void subscribe() {
    REQUIRE(link->subscribe({1, name, received, [] {}}));
  }

  void publish(std::uint64_t from, std::uint64_t count,
               std::size_t bytes = 20) {
    std::vector<wire_message> batch;
    for (std::uint64_t i = 0; i < count; ++i) {
      batch.push_back(message(from + i, bytes));
    }
    link->publish(
        {7,
         ++number,
         changes.back().epoch,
         std::make_shared<const std::vector<wire_message>>(std::move(batch)),
         true,
         {}});
  }

  /// Waits until all batches were answered.
  bool is_answered() {
    return eventually([&] {
      read();
      return outcomes.size() == number;
    });
  }

  bool has_received(std::uint64_t count) {
    return eventually([&] {
      read();
      return sequences.size() >= count;
    });
  }
};

template <class... Brokers>
broker_endpoints of(const Brokers&... brokers) {
  return {{brokers->xsub_endpoint()...}, {brokers->xpub_endpoint()...}};
}

std::vector<std::uint64_t> counted(std::uint64_t count) {
  std::vector<std::uint64_t> all(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    all[i] = i;
  }
  return all;
}

/// Publishes until somebody is subscribed.
void until_heard(
    station& publisher, std::uint64_t sequence,
    const std::function<void()>& meanwhile = [] {}) {
  REQUIRE(eventually([&] {
    meanwhile();
    publisher.publish(sequence, 1);
    REQUIRE(publisher.is_answered());
    return !publisher.outcomes.back().unheard;
  }));
}

/// Two brokers, at which both ends are connected; message 0 has come through.
struct two_brokers {
  std::unique_ptr<zmq_broker> first = started(loopback_broker());
  std::unique_ptr<zmq_broker> second = started(loopback_broker());
  station subscriber{of(first, second)};
  station publisher{of(first, second)};

  two_brokers() {
    subscriber.subscribe();
    for (station* each : {&subscriber, &publisher}) {
      REQUIRE(each->is(link_state::connected));
      REQUIRE(each->has_paths(4));
    }
    until_heard(publisher, 0);
  }
};

} // namespace

TEST_CASE("broker_link carries every message once through two brokers") {
  two_brokers on;
  station& subscriber = on.subscriber;
  station& publisher = on.publisher;

  constexpr std::uint64_t count = 20'000;
  for (std::uint64_t from = 1; from < count; from += 500) {
    publisher.publish(from, std::min<std::uint64_t>(500, count - from));
  }
  REQUIRE(publisher.is_answered());
  REQUIRE(subscriber.has_received(count));
  CHECK(subscriber.sequences == counted(count));
  CHECK(publisher.link->counts().confirmed == count);
  CHECK(subscriber.link->received().accepted == count);
  CHECK(eventually(
      [&] { return subscriber.link->counts().duplicates >= count - 2; }));
  CHECK(subscriber.link->counts().missing == 0);
}

TEST_CASE("broker_link loses nothing when one of two brokers ends") {
  two_brokers on;
  station& subscriber = on.subscriber;
  station& publisher = on.publisher;

  constexpr std::uint64_t count = 30'000;
  for (std::uint64_t from = 1; from < count; from += 100) {
    publisher.publish(from, std::min<std::uint64_t>(100, count - from));
    if (from == 10'001) {
      on.second.reset();
    }
  }
  REQUIRE(publisher.is_answered());
  REQUIRE(subscriber.has_received(count));
  CHECK(subscriber.sequences == counted(count));
  CHECK(subscriber.link->counts().missing == 0);
  CHECK(publisher.changes.size() == 1);
  CHECK(subscriber.changes.size() == 1);
}

TEST_CASE("broker_link uses a broker that comes later, and it alone then") {
  auto first = started(loopback_broker());
  station subscriber{of(first)};
  subscriber.subscribe();
  station publisher{of(first)};
  REQUIRE(subscriber.is(link_state::connected));
  REQUIRE(publisher.is(link_state::connected));
  until_heard(publisher, 0);

  const auto later = started(loopback_broker());
  for (station* each : {&subscriber, &publisher}) {
    each->link->use(of(first, later));
    REQUIRE(each->has_paths(4));
  }
  REQUIRE(eventually([&] { return later->counts().subscriptions == 1; }));
  std::uint64_t next = 1;
  // Until what the later one has comes twice.
  REQUIRE(eventually([&] {
    publisher.publish(next++, 1);
    return publisher.is_answered() && subscriber.has_received(next) &&
           subscriber.link->counts().duplicates > 0;
  }));
  first.reset();
  publisher.publish(next, 1000);
  REQUIRE(publisher.is_answered());
  REQUIRE(subscriber.has_received(next + 1000));
  CHECK(subscriber.sequences == counted(next + 1000));
  CHECK(publisher.changes.size() == 1);

  // Who left is forgotten once it is not named any more.
  for (station* each : {&subscriber, &publisher}) {
    each->link->use(of(later));
    CHECK(each->has_paths(2));
  }
}

TEST_CASE("broker_link says when no broker is there, and goes on when one is") {
  broker_options binds = loopback_broker();
  auto broker = started(binds);
  binds.xsub_bind = broker->xsub_endpoint();
  binds.xpub_bind = broker->xpub_endpoint();
  const broker_endpoints brokers = of(broker);
  broker.reset();

  station publisher{brokers, 200ms};
  REQUIRE(publisher.is(link_state::connecting));
  CHECK(publisher.changes.back().server == brokers.xsub.front());
  CHECK_THAT(publisher.changes.back().reason,
             Catch::Matchers::Contains(brokers.xpub.front()));
  CHECK(publisher.link->counts().failures == 1);

  broker = started(binds);
  REQUIRE(publisher.is(link_state::connected));
  CHECK(publisher.changes.back().epoch == 1);
  publisher.publish(0, 3);
  REQUIRE(publisher.is_answered());
  CHECK(publisher.outcomes.back().unheard);
  CHECK(publisher.outcomes.back().sent == 0);

  broker.reset();
  REQUIRE(publisher.is(link_state::reconnecting));
  broker = started(binds);
  REQUIRE(publisher.is(link_state::connected));
  CHECK(publisher.changes.back().epoch == 2);
}

TEST_CASE("broker_link without any broker says so") {
  station lonely{{}, 50ms};
  REQUIRE(lonely.is(link_state::connecting));
  CHECK(lonely.changes.back().reason == "no broker is registered in discovery");
}

TEST_CASE("broker_link waits while the only broker takes nothing") {
  // A broker that never reads: its subscription is all it says.
  zmq::context_t sockets;
  zmq::socket_t xsub{sockets, zmq::socket_type::xsub};
  xsub.set(zmq::sockopt::linger, 0);
  xsub.set(zmq::sockopt::rcvhwm, 10);
  xsub.set(zmq::sockopt::rcvbuf, 4096);
  xsub.bind("tcp://127.0.0.1:*");
  zmq::socket_t xpub{sockets, zmq::socket_type::xpub};
  xpub.set(zmq::sockopt::linger, 0);
  xpub.bind("tcp://127.0.0.1:*");
  station publisher{{{xsub.get(zmq::sockopt::last_endpoint)},
                     {xpub.get(zmq::sockopt::last_endpoint)}},
                    5s,
                    100};
  REQUIRE(publisher.is(link_state::connected));
  xsub.send(zmq::str_buffer("\x01"), zmq::send_flags::none);
  // A socket takes up a connection, and says there what it wants, only when it
  // is asked something.
  until_heard(publisher, 0,
              [&] { static_cast<void>(xsub.get(zmq::sockopt::events)); });
  // 64 MiB are more than the queues and the system's buffers hold.
  constexpr std::uint64_t count = 1024;
  for (std::uint64_t from = 1; from <= count; from += 8) {
    publisher.publish(from, 8, 64 * 1024);
  }
  REQUIRE(eventually([&] {
    const auto paths = publisher.link->paths();
    return std::any_of(paths.begin(), paths.end(),
                       [](const path_status& one) { return one.is_full; });
  }));
  publisher.read();
  CHECK(publisher.outcomes.size() < publisher.number);
  // It reads again, and everything comes.
  std::uint64_t come = 0;
  xsub.set(zmq::sockopt::rcvtimeo, 10'000);
  for (zmq::message_t part; come <= count && xsub.recv(part);) {
    come += part.more() ? 0 : 1;
  }
  CHECK(come == count + 1);
  CHECK(publisher.is_answered());
}

TEST_CASE("broker_link counts what is no message of the topic") {
  const auto broker = started(loopback_broker());
  station subscriber{of(broker)};
  subscriber.subscribe();
  REQUIRE(subscriber.is(link_state::connected));
  broker_publisher other{*broker};
  REQUIRE(other.heard() == "\x01" + name->subject);
  const std::string id(8, '\x01');
  other.send({name->subject + "x", id, id, "frame"});
  other.send({name->subject, id, id});
  other.send({name->subject, "id", id, "frame"});
  other.send({name->subject, id, id, "frame"});
  CHECK(eventually([&] {
    const receiver_counts counts = subscriber.link->received();
    return counts.bad_topic == 1 && counts.bad_parts == 1 &&
           counts.bad_identity == 1 && counts.bad_frame == 1;
  }));
  CHECK(subscriber.link->received().accepted == 0);
}

TEST_CASE("broker_link refuses an endpoint that is none") {
  station lost{{{"tcp://nowhere"}, {"tcp://nowhere"}}, 50ms};
  REQUIRE(lost.is(link_state::connecting));
  CHECK_THAT(lost.changes.back().reason,
             Catch::Matchers::Contains("tcp://nowhere"));
  station odd{{{"inproc://x"}, {"tcp://127.0.0.1:1"}}, 50ms};
  REQUIRE(odd.is(link_state::connecting));
  CHECK(odd.changes.back().reason ==
        "broker: expected tcp:// or ipc://, got \"inproc://x\"");
  zmq_options options;
  options.broker.url = "xsub=tcp://a:1";
  const auto refused = make_broker_link(options);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message,
             Catch::Matchers::StartsWith("zmq.broker.url: expected"));
}

} // namespace dynamo::zmq_test
