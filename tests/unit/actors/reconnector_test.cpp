#include "support/catch.hpp"
#include "unit/actors/plane_fixture.hpp"

using namespace dynamo;
using namespace dynamo::actors;
using namespace dynamo::actors::test;

TEST_CASE("a peer that flaps 100 times is connected again each time") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  std::uint64_t number = 0;
  for (int flap = 0; flap < 100; ++flap) {
    out.publish(load(++number));
    nodes.run();
    nodes.network->cut("mem://1");
    nodes.advance(20ms);
    // While nobody is connected, events wait; none is lost.
    out.publish(load(++number));
    nodes.advance(6s);
  }
  CHECK(heard.numbers() == numbers_from_to(1, 200));
  CHECK(heard.all<stream_gap>().empty());
  const auto stream = nodes.subscription_report(router).streams.at(0);
  CHECK(stream.reconnects == 100);
  CHECK(stream.state == stream_state::in_sync);
}

TEST_CASE("a peer that refuses is tried until it accepts") {
  cluster nodes;
  nodes.network->refuse("mem://1");
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  out.publish(load(1));
  nodes.advance(30s);
  CHECK(heard.events.empty());
  CHECK(nodes.subscription_report(router).streams.at(0).connection ==
        connection_state::failed);
  nodes.network->accept("mem://1");
  nodes.advance(6s);
  CHECK(heard.numbers() == numbers_from_to(1, 1));
}

TEST_CASE("a lost connection makes the stream stale until it is back") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  out.publish(load(1));
  nodes.run();
  nodes.network->refuse("mem://1");
  nodes.network->cut("mem://1");
  nodes.advance(1s);
  CHECK(nodes.subscription_report(router).streams.at(0).state ==
        stream_state::stale);
  nodes.network->accept("mem://1");
  nodes.advance(6s);
  CHECK(nodes.subscription_report(router).streams.at(0).state ==
        stream_state::in_sync);
}

TEST_CASE("losing discovery leaves connections alone and is told") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  nodes.store->make_stale("the store is away");
  nodes.advance(1s);
  out.publish(load(1));
  nodes.advance(50ms);
  CHECK(heard.numbers() == numbers_from_to(1, 1));
  const auto told = heard.all<discovery_stale>();
  REQUIRE(!told.empty());
  CHECK(told.back().stale);
  CHECK(heard.all<publisher_left>().empty());
  nodes.store->make_synced();
  nodes.advance(50ms);
  CHECK_FALSE(heard.all<discovery_stale>().back().stale);
}

TEST_CASE("a record that vanishes while its publisher lives does not end the "
          "stream") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  out.publish(load(1));
  nodes.run();
  const auto record =
      worker.parts->watcher.store->list(bucket::event_channels)->front();
  nodes.store->forget(bucket::event_channels, record.key);
  nodes.advance(50ms);
  CHECK(heard.all<publisher_left>().size() == 1);
  out.publish(load(2));
  nodes.advance(50ms);
  CHECK(heard.numbers() == numbers_from_to(1, 2));
  CHECK(nodes.subscription_report(router).streams.at(0).discovered == false);
}

TEST_CASE("a publisher that leaves is not tried again") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  out.publish(load(1));
  nodes.end(worker);
  nodes.advance(10s);
  CHECK(heard.numbers() == numbers_from_to(1, 1));
  CHECK(heard.all<publisher_left>().size() == 1);
  const auto report = nodes.subscription_report(router);
  REQUIRE(report.streams.size() == 1);
  CHECK_FALSE(report.streams.front().discovered);
}
