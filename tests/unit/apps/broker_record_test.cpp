#include "apps/broker/broker_record.hpp"

#include <string>
#include <variant>

#include "support/catch.hpp"

namespace dynamo::apps {

namespace {

const std::vector<interface_address> interfaces = {
    {"lo", *parse_ip_address("127.0.0.1")},
    {"eth0", *parse_ip_address("10.0.0.5")},
};

} // namespace

TEST_CASE("a broker's record is Dynamo's, with an address to be reached at") {
  const options settings;
  const auto record = broker_record(
      settings, {"tcp://0.0.0.0:5555", "tcp://[::]:5556"}, interfaces, 42);
  REQUIRE(record);
  CHECK(record->owner == scope::of_component("dynamo", "zmq_broker"));
  CHECK(record->topic == "broker");
  CHECK(record->publisher_id == 42);
  const auto& address = std::get<zmq_broker_address>(record->address);
  CHECK(address.xsub_endpoints ==
        std::vector<std::string>{"tcp://10.0.0.5:5555"});
  CHECK(address.xpub_endpoints ==
        std::vector<std::string>{"tcp://10.0.0.5:5556"});
}

TEST_CASE("a broker that is bound to one address advertises that") {
  options settings;
  settings.broker.ns = "other";
  settings.plane.zmq.host = "10.9.9.9";
  const auto record = broker_record(
      settings, {"tcp://127.0.0.1:1", "tcp://0.0.0.0:2"}, interfaces, 42);
  REQUIRE(record);
  CHECK(record->owner.ns == "other");
  const auto& address = std::get<zmq_broker_address>(record->address);
  CHECK(address.xsub_endpoints.front() == "tcp://127.0.0.1:1");
  CHECK(address.xpub_endpoints.front() == "tcp://10.9.9.9:2");
}

TEST_CASE("a host that cannot be advertised is refused") {
  options settings;
  settings.plane.zmq.host = "nowhere0";
  const auto record = broker_record(
      settings, {"tcp://0.0.0.0:1", "tcp://0.0.0.0:2"}, interfaces, 42);
  REQUIRE_FALSE(record);
  CHECK(record.error().code == errc::invalid);
}

} // namespace dynamo::apps
