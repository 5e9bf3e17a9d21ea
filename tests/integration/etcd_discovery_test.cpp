#include <nlohmann/json.hpp>

#include <atomic>
#include <fstream>

#include "etcd_fixture.hpp"

namespace {

using namespace dynamo;
using namespace dynamo::test;

/// Time enough for many or large records on a busy machine.
std::unique_ptr<discovery> join_patiently(
    const etcd_server_process& server,
    std::size_t response_bytes_max = etcd_options{}.response_bytes_max) {
  auto options = quick_options(server.url());
  options.lease_ttl = 60s;
  options.request_timeout = 30s;
  options.response_bytes_max = response_bytes_max;
  auto timing = quick_timing();
  timing.answer = 60s;
  auto made = make_etcd_discovery({std::move(options), {}, {}, timing});
  REQUIRE(made);
  return *std::move(made);
}

} // namespace

TEST_CASE(
    "an etcd watcher hears what is there, that it was all, then changes") {
  const etcd_server_process server;
  const auto worker = join(server);
  const auto router = join(server);
  REQUIRE(worker->advertise(served(1)));
  believer b;
  b.watch(*router);
  REQUIRE(eventually([&] { return b.synced(); }));
  CHECK(b.history() == std::vector<std::string>{"put n/c/e/1", "synced"});

  REQUIRE(worker->advertise(served(2)));
  CHECK(eventually([&] { return b.knows(served(2)); }));
  REQUIRE(worker->advertise(served(2, "b:2")));
  CHECK(eventually([&] { return b.knows(served(2, "b:2")); }));
  REQUIRE(worker->withdraw(served(1)));
  CHECK(eventually([&] { return !b.knows(served(1)); }));
  const auto again = worker->withdraw(served(1));
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::not_found);

  const auto listed = router->list(instances);
  REQUIRE(listed);
  REQUIRE(listed->size() == 1);
  CHECK(listed->front().key == "n/c/e/2");
  CHECK(listed->front().value == served(2, "b:2"));
  CHECK(worker->counts().owned == 1);
  CHECK(router->counts().repaired == 0);
}

TEST_CASE("records in etcd have Dynamo's keys, bytes and lease") {
  const etcd_server_process server;
  const auto worker = join(server);
  etcd_hand hand{server.url()};
  std::ifstream file{DYNAMO_TEST_DATA "/vectors/discovery.json"};
  const auto vectors = nlohmann::json::parse(file);
  std::map<std::string, std::string> expected;
  for (const auto& each : vectors.at("channels")) {
    const auto text = each.at("json").get<std::string>();
    const auto value = record_from_json(text);
    REQUIRE(value);
    REQUIRE(worker->advertise(*value));
    expected[each.at("etcd_key")] = text;
  }
  const auto stored = hand.keys("v1/");
  REQUIRE(stored.size() == expected.size());
  for (const etcd_key_value& each : stored) {
    CHECK(each.value == expected.at(each.key));
    CHECK(static_cast<std::uint64_t>(each.lease) == worker->instance_id());
  }
}

TEST_CASE("the records of a backend that ends are gone at once") {
  const etcd_server_process server;
  etcd_hand hand{server.url()};
  auto worker = join(server);
  REQUIRE(worker->advertise(served(1)));
  REQUIRE(hand.keys("v1/").size() == 1);
  worker.reset();
  CHECK(hand.keys("v1/").empty());
}

TEST_CASE("a key under another lease is refused until that one ends") {
  const etcd_server_process server;
  etcd_hand hand{server.url()};
  auto first = join(server);
  const auto second = join(server);
  REQUIRE(first->advertise(served(1, "h:1")));
  const auto refused = second->advertise(served(1, "h:2"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::exists);
  CHECK(second->counts().owned == 0);
  CHECK(hand.keys("v1/").front().value == to_json(served(1, "h:1")));
  first.reset();
  REQUIRE(second->advertise(served(1, "h:2")));
  CHECK(hand.keys("v1/").front().value == to_json(served(1, "h:2")));
}

TEST_CASE("a key that nobody keeps alive, or that is no record, is replaced") {
  const etcd_server_process server;
  etcd_hand hand{server.url()};
  const auto worker = join(server);
  hand.put(full_key(served(1)), to_json(served(1, "old:1")));
  hand.put(full_key(served(2)), "no record", hand.grant(60));
  hand.put(full_key(served(3)), to_json(served(3)), hand.grant(60));
  for (const std::uint64_t id : {1, 2, 3}) {
    REQUIRE(worker->advertise(served(id)));
  }
  for (const etcd_key_value& each : hand.keys("v1/")) {
    CHECK(record_from_json(each.value));
    CHECK(static_cast<std::uint64_t>(each.lease) == worker->instance_id());
  }
}

TEST_CASE("a thousand records of a bucket and large ones arrive whole") {
  const etcd_server_process server;
  const auto worker = join_patiently(server);
  for (std::uint64_t id = 1; id <= 1200; ++id) {
    REQUIRE(worker->advertise(served(id)));
  }
  for (std::uint64_t id = 1; id <= 8; ++id) {
    REQUIRE(worker->advertise(model_card{
        "n", "c", "e", id, "{\"x\":\"" + std::string(1'000'000, 'y') + "\"}"}));
  }
  // Eight cards are more than one answer may be.
  const auto router = join_patiently(server, 4 * 1024 * 1024);
  believer b{5000};
  b.watch(*router);
  REQUIRE(eventually([&] { return b.synced(); }));
  CHECK(eventually([&] { return b.size() == 1200; }));
  const auto cards = router->list(bucket::models);
  INFO((cards ? std::string{} : to_string(cards.error())));
  REQUIRE(cards);
  CHECK(cards->size() == 8);
}

TEST_CASE("many records that are begun at once are all there in the end") {
  const etcd_server_process server;
  etcd_hand hand{server.url()};
  const auto worker = join_patiently(server);
  std::atomic<int> done = 0;
  std::atomic<int> failed = 0;
  const auto count = [&](const status& outcome) {
    failed += outcome ? 0 : 1;
    ++done;
  };
  const auto channel = [](std::uint64_t id) -> record {
    return event_channel{scope::of_namespace("n"), "t", id,
                         zmq_address{"tcp://127.0.0.1:1"}};
  };
  for (std::uint64_t id = 1; id <= 500; ++id) {
    worker->begin_advertise(
        {channel(id), event_source{scope::of_namespace("n"), "t", id}}, count);
  }
  REQUIRE(eventually([&] { return done == 500; }));
  CHECK(failed == 0);
  CHECK(hand.keys("v1/").size() == 1000);
  CHECK(worker->counts().owned == 1000);
  for (std::uint64_t id = 1; id <= 500; ++id) {
    worker->begin_withdraw({channel(id)}, count);
  }
  REQUIRE(eventually([&] { return done == 1000; }));
  CHECK(failed == 0);
  CHECK(hand.keys("v1/").size() == 500);
}
