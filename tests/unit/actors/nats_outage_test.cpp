#include "unit/actors/hub_fixture.hpp"

// Planes whose server in memory comes and goes.

using namespace dynamo;
using namespace dynamo::actors;
using namespace dynamo::actors::test;

TEST_CASE("what was on its way when a connection broke is sent again") {
  cluster nodes;
  auto& worker = nodes.start_on_hub();
  auto& heard = nodes.follow(nodes.start_on_hub());
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  publish_from_to(out, 1, 10);
  nodes.advance(200ms);
  nodes.hub->set_answering(false);
  publish_from_to(out, 11, 20);
  nodes.run();
  nodes.hub->set_up(false);
  nodes.run();
  publish_from_to(out, 21, 400);
  nodes.hub->set_answering(true);
  nodes.hub->set_up(true);
  nodes.advance(settled);
  CHECK(heard.numbers() == numbers_from_to(1, 400));
  CHECK(heard.all<stream_gap>().empty());
  // Ten batches were on their way, of one event each.
  CHECK(heard.all<stream_duplicate>().size() == 10);
  CHECK(nodes.publisher_report(worker).sent == 400);
}

TEST_CASE("what was confirmed just before the end is sent again, not longer") {
  cluster nodes;
  auto& worker = nodes.start_on_hub();
  auto& heard = nodes.follow(nodes.start_on_hub());
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  publish_from_to(out, 1, 10);
  nodes.advance(200ms);
  publish_from_to(out, 11, 14);
  nodes.advance(50ms);
  nodes.hub->set_up(false);
  nodes.run();
  nodes.hub->set_up(true);
  nodes.advance(settled);
  publish_from_to(out, 15, 20);
  nodes.run();
  CHECK(heard.numbers() == numbers_from_to(1, 20));
  CHECK(heard.all<stream_duplicate>().size() == 4);
  CHECK(nodes.publisher_report(worker).sent == 20);
}

TEST_CASE("after an outage publishers wait for subscribers to come back") {
  plane_options worker_options;
  worker_options.reconnect.delay = {10ms, 10ms};
  worker_options.nats.hold = 500ms;
  cluster nodes;
  auto& worker = nodes.start_on_hub(worker_options);
  std::vector<recording*> heard;
  for (int i = 0; i < 8; ++i) {
    heard.push_back(&nodes.follow(nodes.start_on_hub()));
  }
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  publish_from_to(out, 1, 10);
  nodes.run();
  nodes.hub->set_up(false);
  nodes.advance(3000ms);
  publish_from_to(out, 11, 500);
  nodes.hub->set_up(true);
  nodes.advance(settled);
  for (const recording* each : heard) {
    CHECK(each->numbers() == numbers_from_to(1, 500));
    CHECK(each->all<stream_gap>().empty());
  }
}

TEST_CASE("a subscriber that stays away longer sees a gap of exact size") {
  cluster nodes;
  auto& worker = nodes.start_on_hub();
  auto& faithful = nodes.follow(nodes.start_on_hub());
  auto& router = nodes.start_on_hub();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  publish_from_to(out, 1, 10);
  nodes.run();
  auto& link = *std::get<link_resources>(router.parts->bridge).link;
  link.close();
  publish_from_to(out, 11, 30);
  nodes.run();
  link.connect();
  nodes.run();
  publish_from_to(out, 31, 40);
  nodes.run();
  CHECK(faithful.numbers() == numbers_from_to(1, 40));
  REQUIRE(heard.all<stream_gap>().size() == 1);
  CHECK(heard.all<stream_gap>().front().missed == 20);
  const auto stream = nodes.subscription_report(router).streams.at(0);
  CHECK(stream.counts.received + stream.counts.missed == 40);
  CHECK(stream.state == stream_state::partial);
}

TEST_CASE("a process starts without a server and says how to get one") {
  cluster nodes;
  nodes.hub->set_up(false);
  auto& worker = nodes.start_on_hub();
  auto out = nodes.publish(worker);
  publish_from_to(out, 1, 5);
  nodes.advance(1000ms);
  CHECK(was_said(nodes, "waiting for a NATS server at memory"));
  CHECK(was_said(nodes, "--event-plane zmq"));
  CHECK(nodes.publisher_report(worker).waiting == 5);
  auto& heard = nodes.follow(nodes.start_on_hub());
  nodes.hub->set_up(true);
  nodes.advance(settled);
  CHECK(heard.numbers() == numbers_from_to(1, 5));
}

TEST_CASE("streams are stale without a connection and in sync with it") {
  cluster nodes;
  auto& router = nodes.start_on_hub();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(nodes.start_on_hub());
  nodes.advance(50ms);
  publish_from_to(out, 1, 3);
  nodes.run();
  nodes.hub->set_up(false);
  nodes.run();
  CHECK(nodes.subscription_report(router).streams.at(0).state ==
        stream_state::stale);
  nodes.hub->set_up(true);
  nodes.advance(settled);
  CHECK(nodes.subscription_report(router).streams.at(0).state ==
        stream_state::in_sync);
  CHECK(nodes.subscription_report(router).streams.at(0).reconnects == 1);
  CHECK(heard.all<stream_connection>().size() == 3);
}

TEST_CASE("stopping delivers what was accepted") {
  cluster nodes;
  auto& worker = nodes.start_on_hub();
  auto& heard = nodes.follow(nodes.start_on_hub());
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  publish_from_to(out, 1, 2000);
  nodes.end(worker);
  CHECK(heard.numbers() == numbers_from_to(1, 2000));
}

TEST_CASE("stopping offers what nobody heard a last time") {
  cluster nodes;
  auto& worker = nodes.start_on_hub();
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  publish_from_to(out, 1, 20);
  nodes.run();
  CHECK(nodes.publisher_report(worker).subscribers == 0U);
  auto& heard = nodes.follow(nodes.start_on_hub());
  nodes.end(worker);
  CHECK(heard.numbers() == numbers_from_to(1, 20));
}

TEST_CASE("stopping without a server ends in time and says what is lost") {
  cluster nodes;
  auto& worker = nodes.start_on_hub();
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  nodes.hub->set_up(false);
  nodes.run();
  publish_from_to(out, 1, 7);
  nodes.end(worker);
  CHECK(was_said(nodes, "ended with 7 events or messages"));
}

TEST_CASE("a bridge that dies loses nothing") {
  cluster nodes;
  auto& worker = nodes.start_on_hub();
  auto& router = nodes.start_on_hub();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  publish_from_to(out, 1, 10);
  nodes.run();
  publish_from_to(out, 11, 20);
  nodes.kill(nodes.children(worker).bridge);
  nodes.kill(nodes.children(router).bridge);
  publish_from_to(out, 21, 30);
  nodes.advance(100ms);
  publish_from_to(out, 31, 40);
  nodes.advance(100ms);
  CHECK(heard.numbers() == numbers_from_to(1, 40));
  CHECK(heard.all<stream_gap>().empty());
}

TEST_CASE("a reconnector that dies goes on with the attempts") {
  cluster nodes;
  nodes.hub->set_up(false);
  auto& router = nodes.start_on_hub();
  nodes.follow(router);
  nodes.advance(500ms);
  nodes.kill(nodes.children(router).reconnector);
  nodes.hub->set_up(true);
  nodes.advance(1000ms);
  CHECK(link_report_of(nodes, router).state == link_state::connected);
}

TEST_CASE("a hundred outages lose nothing between their ends") {
  cluster nodes;
  auto& worker = nodes.start_on_hub();
  auto& heard = nodes.follow(nodes.start_on_hub());
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  std::uint64_t next = 1;
  for (int outage = 0; outage < 100; ++outage) {
    nodes.hub->set_answering(outage % 3 != 0);
    publish_from_to(out, next, next + 6);
    nodes.run();
    nodes.hub->set_up(false);
    nodes.advance(50ms);
    publish_from_to(out, next + 7, next + 9);
    next += 10;
    nodes.hub->set_answering(true);
    nodes.hub->set_up(true);
    nodes.advance(1000ms);
  }
  nodes.advance(settled);
  CHECK(heard.numbers() == numbers_from_to(1, 1000));
  CHECK(heard.all<stream_gap>().empty());
}
