#include "dynamo/base/ids.hpp"

#include "support/catch.hpp"
#include "unit/actors/plane_fixture.hpp"

using namespace dynamo;
using namespace dynamo::actors;
using namespace dynamo::actors::test;

TEST_CASE("a subscriber receives what a publisher publishes, in order") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    REQUIRE(out.publish(load(i)));
  }
  nodes.run();
  CHECK(heard.numbers() == numbers_from_to(1, 1000));
  CHECK(heard.all<stream_gap>().empty());
  CHECK(heard.events.front().sequence == 0);
  CHECK(heard.events.back().sequence == 999);
}

TEST_CASE("a publisher registers only after its sender is bound") {
  cluster nodes;
  auto& worker = nodes.start();
  auto out = nodes.publish(worker);
  const auto records =
      worker.parts->watcher.store->list(bucket::event_channels);
  REQUIRE(records);
  REQUIRE(records->size() == 1);
  const auto& channel = std::get<event_channel>(records->front().value);
  CHECK(std::get<zmq_address>(channel.address).endpoint == "mem://1");
  CHECK(channel.publisher_id <= json_safe_id_max);
}

TEST_CASE("events wait in the buffer until the first subscriber is there") {
  cluster nodes;
  auto& worker = nodes.start();
  auto out = nodes.publish(worker);
  for (std::uint64_t i = 1; i <= 300; ++i) {
    REQUIRE(out.publish(load(i)));
  }
  nodes.advance(50ms);
  CHECK(nodes.publisher_report(worker).waiting == 300);
  auto& heard = nodes.follow(nodes.start());
  nodes.advance(50ms);
  CHECK(heard.numbers() == numbers_from_to(1, 300));
  CHECK(nodes.publisher_report(worker).sent == 300);
}

TEST_CASE("a publisher that does not hold sends to nobody and counts it") {
  plane_options options;
  options.publisher.hold_without_subscriber = false;
  cluster nodes;
  auto& worker = nodes.start(options);
  auto out = nodes.publish(worker);
  out.publish(load(1));
  out.publish(load(2));
  nodes.advance(50ms);
  const auto report = nodes.publisher_report(worker);
  CHECK(report.unheard == 2);
  CHECK(report.sequence == 2);
}

TEST_CASE("what the buffer drops shows as a gap of exactly its size") {
  plane_options options;
  options.publisher.buffer.items_max = 10;
  options.publisher.buffer.policy = overflow_policy::drop_oldest;
  cluster nodes;
  auto& worker = nodes.start(options);
  auto out = nodes.publish(worker);
  for (std::uint64_t i = 1; i <= 25; ++i) {
    CHECK(out.publish(load(i)));
  }
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  nodes.advance(50ms);
  CHECK(heard.numbers() == numbers_from_to(16, 25));
  REQUIRE(heard.all<stream_gap>().size() == 1);
  CHECK(heard.all<stream_gap>().front().missed == 15);
  CHECK(nodes.publisher_report(worker).dropped == 15);
  CHECK(nodes.subscription_report(router).streams.at(0).state ==
        stream_state::partial);
}

TEST_CASE("a full buffer that drops the newest says so to its caller") {
  plane_options options;
  options.publisher.buffer.items_max = 3;
  options.publisher.buffer.policy = overflow_policy::drop_newest;
  cluster nodes;
  auto out = nodes.publish(nodes.start(options));
  CHECK(out.publish(load(1)));
  CHECK(out.publish(load(2)));
  CHECK(out.publish(load(3)));
  CHECK_FALSE(out.publish(load(4)));
}

TEST_CASE("kv events that wait together travel in one message") {
  cluster nodes;
  auto& worker = nodes.start();
  auto out = nodes.publish(worker, topics::kv_events);
  for (std::uint64_t i = 1; i <= 200; ++i) {
    router_event event;
    event.worker_id = 7;
    event.event = {i, kv_removed{{i}}, 0};
    out.publish(kv_events{event});
  }
  auto& heard = nodes.follow(nodes.start(), topics::kv_events);
  nodes.advance(50ms);
  REQUIRE(heard.events.size() == 2);
  CHECK(std::get<kv_events>(heard.events[0].value).size() == 128);
  CHECK(std::get<kv_events>(heard.events[1].value).size() == 72);
}

TEST_CASE("two publishers of one process on one topic are two streams") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto first = nodes.publish(worker);
  auto second = nodes.publish(worker);
  nodes.advance(50ms);
  for (std::uint64_t i = 1; i <= 50; ++i) {
    first.publish(load(i));
    second.publish(load(1000 + i));
  }
  nodes.run();
  CHECK(heard.events.size() == 100);
  CHECK(heard.all<stream_gap>().empty());
  const auto streams = nodes.subscription_report(router).streams;
  REQUIRE(streams.size() == 2);
  CHECK(streams[0].publisher_id != streams[1].publisher_id);
  CHECK(streams[0].counts.received == 50);
  CHECK(streams[1].counts.received == 50);
}

TEST_CASE("closing a publisher sends what waits, then withdraws its records") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  out.publish(load(1));
  out.publish(load(2));
  out.close();
  nodes.advance(50ms);
  CHECK(heard.numbers() == numbers_from_to(1, 2));
  CHECK(worker.parts->watcher.store->list(bucket::event_channels)->empty());
  CHECK_FALSE(out.publish(load(3)));
  CHECK(heard.all<publisher_left>().size() == 1);
  CHECK(nodes.children(worker).restarts == 0);
}

TEST_CASE("a publisher that dies comes back under a new id") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& heard = nodes.follow(nodes.start());
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  out.publish(load(1));
  nodes.run();
  nodes.kill(nodes.children(worker).publishers.at(0));
  nodes.advance(100ms);
  out.publish(load(2));
  nodes.advance(100ms);
  CHECK(heard.numbers() == numbers_from_to(1, 2));
  CHECK(heard.all<publisher_left>().size() == 1);
  REQUIRE(heard.all<publisher_joined>().size() == 2);
  CHECK(heard.events[0].publisher_id != heard.events[1].publisher_id);
  CHECK(heard.events[1].sequence == 0);
}
