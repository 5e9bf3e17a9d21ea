#include "dynamo/transport/memory.hpp"

#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace dynamo {

namespace {

std::shared_ptr<const stream_name> named(const std::string& topic) {
  return std::make_shared<const stream_name>(
      stream_name{topic, "namespace.d." + topic});
}

/// Two processes on one network: one publishes, one follows.
struct fixture {
  std::shared_ptr<memory_network> network = std::make_shared<memory_network>();
  std::unique_ptr<transport> there = make_memory_transport(network);
  std::unique_ptr<transport> here = make_memory_transport(network);
  std::shared_ptr<const stream_name> name = named("kv-events");
  std::unique_ptr<sender> out = *there->open({7, name});
  std::shared_ptr<message_inbox> messages =
      std::make_shared<message_inbox>(inbox_limits{});
  std::shared_ptr<connection_inbox> changes =
      std::make_shared<connection_inbox>(inbox_limits{});
  int woken = 0;

  fixture() {
    here->report_to(changes, [] {});
    REQUIRE(
        here->receiver().subscribe({1, name, messages, [this] { ++woken; }}));
  }

  status connect(const std::string& endpoint) {
    return here->receiver().connect(1, {7, endpoint});
  }

  send_outcome send(std::uint64_t sequence, std::uint64_t publisher_id = 7) {
    return out->send({name, publisher_id, sequence, byte_buffer{1, 2}});
  }

  std::vector<std::uint64_t> received() {
    std::vector<inbox_item<wire_message>> items;
    messages->drain(items, 1000);
    std::vector<std::uint64_t> sequences;
    for (const auto& item : items) {
      sequences.push_back(item.value.sequence);
    }
    return sequences;
  }

  std::vector<connection_state> changed() {
    std::vector<inbox_item<connection_change>> items;
    changes->drain(items, 1000);
    std::vector<connection_state> states;
    for (const auto& item : items) {
      states.push_back(item.value.state);
    }
    return states;
  }
};

using sequences = std::vector<std::uint64_t>;
using states = std::vector<connection_state>;

} // namespace

TEST_CASE("memory transport delivers to whoever is connected") {
  fixture f;
  CHECK(f.send(0) == send_outcome::unheard);
  REQUIRE(f.connect(f.out->endpoint()));
  CHECK(f.changed() == states{connection_state::connected});
  CHECK(f.out->subscribers() == 1U);
  CHECK(f.send(1) == send_outcome::sent);
  CHECK(f.send(2) == send_outcome::sent);
  CHECK(f.received() == sequences{1, 2});
  CHECK(f.woken == 1);
  CHECK(f.out->counts().sent == 2);
  CHECK(f.out->counts().unheard == 1);
  CHECK(f.out->counts().bytes == 4);
  CHECK(f.here->receiver().counts().accepted == 2);
}

TEST_CASE("memory transport matches topics exactly") {
  fixture f;
  const auto other = *f.there->open({8, named("kv-events-x")});
  REQUIRE(f.here->receiver().connect(1, {8, other->endpoint()}));
  CHECK(other->subscribers() == 0U);
  CHECK(other->send({f.name, 8, 0, {}}) == send_outcome::unheard);
  CHECK(f.received().empty());
}

TEST_CASE("memory transport counts a foreign publisher id") {
  fixture f;
  REQUIRE(f.connect(f.out->endpoint()));
  f.send(0, 9);
  CHECK(f.received().empty());
  CHECK(f.here->receiver().counts().bad_identity == 1);
}

TEST_CASE("memory transport fails to connect where nobody is") {
  fixture f;
  REQUIRE(f.connect("mem://99"));
  CHECK(f.changed() == states{connection_state::failed});
  CHECK_FALSE(f.here->receiver().connect(2, {7, f.out->endpoint()}));
}

TEST_CASE("memory transport reports a cut as lost and connects again") {
  fixture f;
  REQUIRE(f.connect(f.out->endpoint()));
  f.network->cut(f.out->endpoint());
  CHECK(f.send(0) == send_outcome::unheard);
  REQUIRE(f.connect(f.out->endpoint()));
  CHECK(f.changed() == states{connection_state::connected,
                              connection_state::lost,
                              connection_state::connected});
  f.send(1);
  CHECK(f.received() == sequences{1});
}

TEST_CASE("memory transport refuses until it accepts") {
  fixture f;
  f.network->refuse(f.out->endpoint());
  REQUIRE(f.connect(f.out->endpoint()));
  f.network->accept(f.out->endpoint());
  REQUIRE(f.connect(f.out->endpoint()));
  CHECK(f.changed() ==
        states{connection_state::failed, connection_state::connected});
}

TEST_CASE("memory transport replaces a connection to the same publisher") {
  fixture f;
  REQUIRE(f.connect(f.out->endpoint()));
  REQUIRE(f.connect(f.out->endpoint()));
  CHECK(f.network->connections(f.out->endpoint()) == 1);
  const auto moved = *f.there->open({7, f.name});
  REQUIRE(f.connect(moved->endpoint()));
  CHECK(f.network->connections(f.out->endpoint()) == 0);
  CHECK(f.network->connections(moved->endpoint()) == 1);
}

TEST_CASE("memory transport reports nothing for what was ended on purpose") {
  fixture f;
  REQUIRE(f.connect(f.out->endpoint()));
  f.changed();
  f.here->receiver().disconnect(1, 7);
  CHECK(f.changed().empty());
  CHECK(f.send(0) == send_outcome::unheard);

  REQUIRE(f.connect(f.out->endpoint()));
  f.changed();
  f.here->receiver().unsubscribe(1);
  CHECK(f.changed().empty());
  CHECK(f.send(1) == send_outcome::unheard);
}

TEST_CASE("memory transport loses its peers with the sender") {
  fixture f;
  REQUIRE(f.connect(f.out->endpoint()));
  const std::string endpoint = f.out->endpoint();
  f.out.reset();
  REQUIRE(f.connect(endpoint));
  CHECK(f.changed() == states{connection_state::connected,
                              connection_state::lost,
                              connection_state::failed});
}

TEST_CASE("memory transport refuses what is sent to a closed endpoint") {
  fixture f;
  f.network->close(f.out->endpoint());
  CHECK(f.send(0) == send_outcome::refused);
  CHECK(f.out->counts().refused == 1);
}

TEST_CASE("memory transport tells when a sender's subscribers change") {
  fixture f;
  int told = 0;
  f.there->report_to(f.changes, [&told] { ++told; });
  const auto out = *f.there->open({7, f.name});
  REQUIRE(f.connect(out->endpoint()));
  CHECK(std::exchange(told, 0) == 1);
  f.network->cut(out->endpoint());
  CHECK(std::exchange(told, 0) == 1);
  REQUIRE(f.connect(out->endpoint()));
  f.here->receiver().disconnect(1, 7);
  CHECK(std::exchange(told, 0) == 2);
  REQUIRE(f.connect(out->endpoint()));
  f.here.reset();
  CHECK(told == 2);
  CHECK(out->subscribers() == 0U);
}

TEST_CASE("memory transport forgets a receiver that is gone") {
  fixture f;
  REQUIRE(f.connect(f.out->endpoint()));
  f.here.reset();
  CHECK(f.send(0) == send_outcome::unheard);
  CHECK(f.received().empty());
}

TEST_CASE("memory transport connects two subscriptions to one publisher") {
  fixture f;
  const auto second = std::make_shared<message_inbox>(inbox_limits{});
  REQUIRE(f.here->receiver().subscribe({2, f.name, second, [] {}}));
  CHECK_FALSE(f.here->receiver().subscribe({2, f.name, second, [] {}}));
  REQUIRE(f.connect(f.out->endpoint()));
  REQUIRE(f.here->receiver().connect(2, {7, f.out->endpoint()}));
  CHECK(f.out->subscribers() == 2U);
  f.send(0);
  CHECK(f.received() == sequences{0});
  CHECK(second->counts().pushed == 1);
}

} // namespace dynamo
