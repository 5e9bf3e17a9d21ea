#include <map>
#include <thread>
#include <vector>

#include "nats_fixture.hpp"

// What a link says of batches, and to whom.

namespace dynamo::nats_test {

TEST_CASE("nats_link answers for batches that are not urgent as well") {
  const nats_server_process server;
  station ours{quick(server.address())};
  ours.must_connect();
  SECTION("with the next that is") {
    bare_client other{server.url()};
    other.subscribe(subject);
    for (std::uint64_t number = 1; number <= 5; ++number) {
      ours.publish(number, messages(number, 1), 1, number == 5);
    }
    for (std::uint64_t number = 1; number <= 5; ++number) {
      const link_outcome outcome = ours.outcome();
      CHECK(outcome.number == number);
      CHECK(outcome.sent == 1);
      CHECK_FALSE(outcome.unheard);
    }
  }
  SECTION("after a while") {
    ours.publish(1, messages(0, 1), 1, false);
    CHECK(ours.outcome().number == 1);
    ours.publish(2, messages(1, 1), 1, false);
    CHECK(ours.outcome().number == 2);
  }
  SECTION("none of which anybody heard") {
    ours.publish(1, messages(0, 1), 1, false);
    ours.publish(2, messages(1, 1));
    CHECK(ours.outcome().unheard);
    CHECK(ours.outcome().unheard);
    ours.subscribe();
    ours.publish(3, messages(2, 1));
    CHECK_FALSE(ours.outcome().unheard);
  }
  SECTION("each publisher for itself") {
    ours.subscribe();
    wire_message elsewhere = message(0);
    elsewhere.name = std::make_shared<const stream_name>(
        stream_name{"kv-events", "namespace.d.nobody"});
    for (std::uint64_t number = 1; number <= 20; ++number) {
      ours.publish(number, messages(number, 1), 1, false, 7);
      ours.publish(number, {elsewhere}, 1, false, 8);
    }
    for (int left = 40; left > 0; --left) {
      const link_outcome outcome = ours.outcome();
      CHECK(outcome.unheard == (outcome.publisher_id == 8));
    }
  }
}

TEST_CASE("nats_link asks who published before it reports an outcome") {
  struct taker final : outcome_taker {
    bool take(const link_outcome& outcome) override {
      numbers.push_back(outcome.number);
      return outcome.number != 3;
    }
    std::vector<std::uint64_t> numbers;
  };
  const nats_server_process server;
  station ours{quick(server.address())};
  ours.must_connect();
  const auto asked = std::make_shared<taker>();
  for (std::uint64_t number = 1; number <= 3; ++number) {
    ours.link->publish(
        {7, number, 1,
         std::make_shared<const std::vector<wire_message>>(messages(number, 1)),
         true, asked});
  }
  CHECK(ours.outcome().number == 3);
  CHECK(asked->numbers == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(ours.outcomes.empty());
}

TEST_CASE("nats_link sends for many threads, each in its order, while the "
          "server takes it and while it does not") {
  constexpr std::uint64_t threads = 4;
  constexpr std::uint64_t batches = 300;
  nats_server_process server;
  nats_options options = quick(server.address());
  // However slow the machine is.
  options.stale_after = 60'000ms;
  station subscriber{options};
  subscriber.subscribe();
  subscriber.must_connect();
  station ours{options};
  ours.must_connect();
  std::map<std::uint64_t, std::vector<link_batch>> wanted;
  for (std::uint64_t id = 1; id <= threads; ++id) {
    for (std::uint64_t number = 1; number <= batches; ++number) {
      // Some go by the thread that publishes, and some by the link's.
      const std::uint64_t count = number % 16 == 0 ? 9 : 1;
      std::vector<wire_message> content;
      for (std::uint64_t at = 0; at < count; ++at) {
        content.push_back(
            message(number * 16 + at, std::string(5000, 'x'), "kv-events", id));
      }
      wanted[id].push_back({id,
                            number,
                            1,
                            std::make_shared<const std::vector<wire_message>>(
                                std::move(content)),
                            number % 3 == 0,
                            {}});
    }
  }
  server.freeze();
  std::vector<std::thread> publishing;
  for (const auto& [id, content] : wanted) {
    publishing.emplace_back([&ours, &content = content] {
      for (const link_batch& batch : content) {
        ours.link->publish(batch);
      }
    });
  }
  for (std::thread& each : publishing) {
    each.join();
  }
  // More than the sockets take.
  server.thaw();
  std::map<std::uint64_t, std::uint64_t> last;
  std::uint64_t sent = 0;
  for (std::uint64_t left = threads * batches; left > 0; --left) {
    const link_outcome outcome = ours.outcome();
    CHECK(outcome.number == ++last[outcome.publisher_id]);
    CHECK_FALSE(outcome.unheard);
    sent += outcome.sent;
  }
  std::map<std::uint64_t, std::uint64_t> next;
  for (const wire_message& each : subscriber.take(sent)) {
    CHECK(each.sequence >= next[each.publisher_id]);
    next[each.publisher_id] = each.sequence + 1;
  }
  CHECK(subscriber.link->received().accepted == sent);
}

TEST_CASE("nats_link keeps outcomes that a full inbox does not take") {
  const nats_server_process server;
  station ours{quick(server.address()),
               inbox_limits{1, 1'000'000, overflow_policy::drop_newest}};
  ours.must_connect();
  for (std::uint64_t number = 1; number <= 20; ++number) {
    ours.publish(number, messages(number, 1));
  }
  for (std::uint64_t number = 1; number <= 20; ++number) {
    REQUIRE(ours.outcome().number == number);
  }
}

} // namespace dynamo::nats_test
