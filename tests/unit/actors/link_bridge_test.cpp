#include "unit/actors/hub_fixture.hpp"

// Planes that reach each other through a server in memory.

using namespace dynamo;
using namespace dynamo::actors;
using namespace dynamo::actors::test;

namespace {

router_event removal(std::uint64_t event_id, std::size_t blocks) {
  router_event event;
  event.worker_id = 7;
  event.event = {event_id, kv_removed{{}}, 0};
  auto& removed = std::get<kv_removed>(event.event.data);
  removed.block_hashes.assign(blocks, 0xffffffffffffffff - event_id);
  return event;
}

} // namespace

TEST_CASE("through a server a subscriber receives everything in order") {
  cluster nodes;
  auto& worker = nodes.start_on_hub();
  auto& router = nodes.start_on_hub();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  publish_from_to(out, 1, 1000);
  nodes.run();
  CHECK(heard.numbers() == numbers_from_to(1, 1000));
  CHECK(heard.all<stream_gap>().empty());
  const auto report = nodes.publisher_report(worker);
  CHECK(report.sent == 1000);
  CHECK_FALSE(report.subscribers);
  CHECK(nodes.subscription_report(router).streams.at(0).state ==
        stream_state::in_sync);
}

TEST_CASE("through a server nobody has to be in discovery to be heard") {
  cluster nodes;
  auto& heard = nodes.follow(nodes.start_on_hub());
  nodes.store = std::make_shared<memory_store>();
  auto out = nodes.publish(nodes.start_on_hub());
  nodes.advance(50ms);
  publish_from_to(out, 1, 3);
  nodes.run();
  CHECK(heard.numbers() == numbers_from_to(1, 3));
  CHECK(heard.all<publisher_joined>().empty());
}

TEST_CASE("no connection is made before somebody needs it") {
  cluster nodes;
  auto& process = nodes.start_on_hub();
  nodes.advance(100ms);
  CHECK(link_report_of(nodes, process).counts.connects == 0);
  CHECK_FALSE(link_report_of(nodes, process).is_wanted);
  nodes.follow(process);
  nodes.advance(100ms);
  CHECK(link_report_of(nodes, process).counts.connects == 1);
}

TEST_CASE("events wait until the first subscriber is at the server") {
  cluster nodes;
  auto& worker = nodes.start_on_hub();
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  publish_from_to(out, 1, 1000);
  nodes.advance(2000ms);
  CHECK(nodes.publisher_report(worker).sent == 0);
  CHECK(nodes.publisher_report(worker).unheard == 0);
  CHECK(nodes.publisher_report(worker).subscribers == 0U);
  auto& heard = nodes.follow(nodes.start_on_hub());
  nodes.advance(200ms);
  CHECK(heard.numbers() == numbers_from_to(1, 1000));
  CHECK(heard.all<stream_gap>().empty());
}

TEST_CASE("a publisher that does not hold counts what nobody heard") {
  plane_options options;
  options.publisher.hold_without_subscriber = false;
  cluster nodes;
  auto& worker = nodes.start_on_hub(options);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  publish_from_to(out, 1, 3);
  nodes.advance(50ms);
  CHECK(nodes.publisher_report(worker).unheard == 3);
}

TEST_CASE("a refusal of the credentials is told apart and tried again") {
  cluster nodes;
  nodes.hub->set_welcoming(false);
  auto& router = nodes.start_on_hub();
  nodes.follow(router);
  nodes.advance(1000ms);
  CHECK(was_said(nodes, "refuses the credentials"));
  CHECK(link_report_of(nodes, router).state ==
        link_state::authentication_failed);
  const auto failures = link_report_of(nodes, router).counts.failures;
  CHECK(failures == 1);
  nodes.hub->set_welcoming(true);
  nodes.advance(settled);
  CHECK(link_report_of(nodes, router).state == link_state::connected);
}

TEST_CASE("kv events are split to stay below what the server takes") {
  cluster nodes;
  nodes.hub->set_envelope_bytes_max(4096);
  auto& worker = nodes.start_on_hub();
  auto& heard = nodes.follow(nodes.start_on_hub(), topics::kv_events);
  auto out = nodes.publish(worker, topics::kv_events);
  kv_events all;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    all.push_back(removal(i, 20));
  }
  REQUIRE(out.publish(all));
  nodes.advance(50ms);
  CHECK(heard.events.size() > 4);
  std::uint64_t next = 1;
  for (const auto& message : heard.events) {
    for (const auto& event : std::get<kv_events>(message.value)) {
      CHECK(event.event.event_id == next++);
    }
  }
  CHECK(next == 101);
  CHECK(nodes.publisher_report(worker).refused == 0);
}

TEST_CASE("an event that the server cannot take is refused and a gap") {
  cluster nodes;
  nodes.hub->set_envelope_bytes_max(4096);
  auto& worker = nodes.start_on_hub();
  auto& heard = nodes.follow(nodes.start_on_hub(), topics::kv_events);
  auto out = nodes.publish(worker, topics::kv_events);
  nodes.advance(50ms);
  REQUIRE(out.publish(kv_events{removal(1, 1), removal(2, 1000)}));
  REQUIRE(out.publish(kv_events{removal(3, 1)}));
  nodes.advance(50ms);
  CHECK(nodes.publisher_report(worker).refused == 1);
  CHECK(was_said(nodes, "at most 4096 bytes (max_payload), got 9"));
  REQUIRE(heard.all<stream_gap>().size() == 1);
  CHECK(heard.all<stream_gap>().front().missed == 1);
  CHECK(heard.events.size() == 2);
}

TEST_CASE(
    "a subscriber that comes after the last one left gets what was held") {
  cluster nodes;
  auto& worker = nodes.start_on_hub();
  auto& first = nodes.start_on_hub();
  auto& heard_first = nodes.follow(first);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  publish_from_to(out, 1, 1000);
  nodes.run();
  CHECK(heard_first.events.size() == 1000);
  nodes.end(first);
  publish_from_to(out, 1001, 3000);
  nodes.advance(1000ms);
  CHECK(nodes.publisher_report(worker).unheard == 0);
  auto& heard = nodes.follow(nodes.start_on_hub());
  nodes.advance(1000ms);
  CHECK(heard.numbers() == numbers_from_to(1001, 3000));
  CHECK(nodes.publisher_report(worker).sent == 3000);
}
