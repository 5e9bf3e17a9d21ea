#include "actors/broker_directory.hpp"
#include "dynamo/discovery/memory.hpp"

#include <vector>

#include "support/catch.hpp"
#include "support/eventually.hpp"

namespace dynamo::actors {

namespace {

/// Notes what it is told to use.
struct noting_link final : broker_link {
  std::vector<broker_endpoints> used;

  void use(broker_endpoints brokers) override {
    used.push_back(std::move(brokers));
  }
  void report_to(std::shared_ptr<link_inbox>, std::function<void()>) override {}
  void connect() override {}
  void publish(link_batch) override {}
  status subscribe(subscription) override { return ok(); }
  void unsubscribe(subscription_id) override {}
  receiver_counts received() const override { return {}; }
  link_counts counts() const override { return {}; }
  void close() override {}
};

event_channel broker(std::uint64_t id, const std::string& host,
                     const std::string& ns = "dynamo",
                     const std::string& component = "zmq_broker") {
  event_channel made;
  made.owner = scope::of_component(ns, component);
  made.topic = "broker";
  made.publisher_id = id;
  made.address = zmq_broker_address{{"tcp://" + host + ":5555"},
                                    {"tcp://" + host + ":5556"}};
  return made;
}

broker_endpoints hosts(const std::vector<std::string>& names) {
  broker_endpoints all;
  for (const std::string& name : names) {
    all.xsub.push_back("tcp://" + name + ":5555");
    all.xpub.push_back("tcp://" + name + ":5556");
  }
  return all;
}

} // namespace

TEST_CASE("a broker_directory follows the brokers of its namespace") {
  const auto store = make_memory_discovery(std::make_shared<memory_store>(), 9);
  REQUIRE(store->advertise(broker(1, "a")));
  noting_link link;
  const auto directory = std::make_shared<broker_directory>(link, "dynamo");
  REQUIRE(directory->follow(*store));
  CHECK(directory->brokers() == hosts({"a"}));
  REQUIRE(link.used.size() == 1);

  SECTION("as they come and go") {
    REQUIRE(store->advertise(broker(2, "b")));
    CHECK(link.used.back() == hosts({"a", "b"}));
    REQUIRE(store->withdraw(broker(1, "a")));
    CHECK(link.used.back() == hosts({"b"}));
    REQUIRE(store->withdraw(broker(2, "b")));
    CHECK(link.used.back() == broker_endpoints{});
  }
  SECTION("and of no other, and none that is no broker") {
    REQUIRE(store->advertise(broker(2, "b", "other")));
    REQUIRE(store->advertise(broker(3, "c", "dynamo", "backend")));
    event_channel direct = broker(4, "d");
    direct.address = zmq_address{"tcp://d:1"};
    REQUIRE(store->advertise(direct));
    CHECK(link.used.size() == 1);
  }
  SECTION("each endpoint once") {
    REQUIRE(store->advertise(broker(2, "a")));
    CHECK(link.used.size() == 1);
    REQUIRE(store->withdraw(broker(1, "a")));
    CHECK(directory->brokers() == hosts({"a"}));
  }
  SECTION("of Dynamo 1.3 as well") {
    event_channel older = broker(2, "b");
    older.generation = wire_generation::v1_3;
    REQUIRE(store->advertise(older));
    CHECK(link.used.size() == 2);
  }
  SECTION("until it is stopped") {
    directory->stop();
    REQUIRE(store->advertise(broker(2, "b")));
    CHECK(link.used.size() == 1);
  }
}

} // namespace dynamo::actors
