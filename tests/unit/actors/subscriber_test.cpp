#include "support/catch.hpp"
#include "unit/actors/plane_fixture.hpp"

using namespace dynamo;
using namespace dynamo::actors;
using namespace dynamo::actors::test;

namespace {

/// A consumer that answers only when it is told to.
class slow_consumer final : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;

  caf::behavior make_behavior() override {
    return {
        [this](const events_received& fact) {
          received += fact.events->size();
          pending.push_back(make_response_promise<events_handled>());
          return pending.back();
        },
        [this](const notice_received& fact) { notices.push_back(fact.notice); },
        [this](const tick&) { answer_all(); },
    };
  }

  // A promise is kept by the actor that gave it, on its own turn.
  void answer_all() {
    for (auto& promise : std::exchange(pending, {})) {
      promise.deliver(events_handled{});
    }
  }

  std::size_t received = 0;
  std::vector<stream_notice> notices;
  std::vector<caf::typed_response_promise<events_handled>> pending;
};

} // namespace

TEST_CASE("a subscriber that is slower than its publisher loses by the policy "
          "of its inbox, counted, and the stream is partial") {
  plane_options options;
  options.subscriber.inbox.items_max = 20;
  options.subscriber.batch_max = 5;
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start(options);
  const auto consumer = nodes.system.spawn<slow_consumer>();
  auto& state = *caf::actor_cast<slow_consumer*>(consumer);
  nodes.subscribe(router, consumer);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  for (std::uint64_t i = 1; i <= 100; ++i) {
    out.publish(load(i));
    nodes.run();
  }
  // Two events are at the consumer without an answer, twenty wait, the rest
  // is dropped.
  CHECK(state.received == 2);
  auto report = nodes.subscription_report(router);
  CHECK(report.inbox.depth == 20);
  CHECK(report.inbox.dropped == 78);

  for (int turn = 0; turn < 40; ++turn) {
    seam::anon_send(consumer, tick{});
    nodes.run();
  }
  out.publish(load(101));
  nodes.run();
  seam::anon_send(consumer, tick{});
  nodes.run();
  report = nodes.subscription_report(router);
  const auto& stream = report.streams.at(0);
  CHECK(stream.counts.received == 23);
  CHECK(stream.counts.missed == 78);
  CHECK(stream.dropped_here == 78);
  CHECK(stream.state == stream_state::partial);
  CHECK(stream.counts.received + stream.counts.missed == 101);
  CHECK(state.received == 23);
  caf::anon_send_exit(consumer, caf::exit_reason::user_shutdown);
  nodes.run();
}

TEST_CASE("a consumer actor gets notices in their place among the events") {
  plane_options options;
  options.publisher.buffer.items_max = 2;
  cluster nodes;
  auto& worker = nodes.start(options);
  auto out = nodes.publish(worker);
  for (std::uint64_t i = 1; i <= 4; ++i) {
    out.publish(load(i));
  }
  const auto consumer = nodes.system.spawn<slow_consumer>();
  auto& state = *caf::actor_cast<slow_consumer*>(consumer);
  nodes.subscribe(nodes.start(), consumer);
  nodes.advance(50ms);
  CHECK(state.received == 2);
  const auto gaps = std::count_if(
      state.notices.begin(), state.notices.end(), [](const auto& notice) {
        return std::holds_alternative<stream_gap>(notice);
      });
  CHECK(gaps == 1);
  seam::anon_send(consumer, tick{});
  caf::anon_send_exit(consumer, caf::exit_reason::user_shutdown);
  nodes.run();
}

TEST_CASE("a subscriber ignores other scopes and other topics") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& heard = nodes.follow(nodes.start());
  auto other_topic = nodes.publish(worker, "kv_metrics_too");
  auto other_scope = start_publisher_on(
      worker.root, *worker.parts,
      {scope::of_component("dynamo", "backend"), "kv_metrics", {}, {}});
  nodes.advance(50ms);
  other_topic.publish(raw_event{{1, 2, 3}});
  other_scope.publish(load(1));
  nodes.advance(50ms);
  CHECK(heard.events.empty());
  CHECK(heard.all<publisher_joined>().empty());
}

TEST_CASE("a subscriber that is started late is told what it missed") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& early = nodes.follow(nodes.start());
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    out.publish(load(i));
  }
  nodes.run();
  auto& router = nodes.start();
  auto& late = nodes.follow(router);
  nodes.advance(50ms);
  out.publish(load(11));
  nodes.run();
  CHECK(early.numbers() == numbers_from_to(1, 11));
  CHECK(late.numbers() == numbers_from_to(11, 11));
  REQUIRE(late.all<stream_gap>().size() == 1);
  CHECK(late.all<stream_gap>().front().missed == 10);
}

TEST_CASE("a subscriber that dies is started again and goes on") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  out.publish(load(1));
  nodes.run();
  nodes.kill(nodes.children(router).subscribers.at(0));
  nodes.advance(500ms);
  out.publish(load(2));
  nodes.advance(500ms);
  CHECK(heard.numbers() == numbers_from_to(1, 2));
}
