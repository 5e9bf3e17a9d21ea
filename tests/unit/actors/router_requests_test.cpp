#include "unit/actors/router_fixture.hpp"

using namespace dynamo;
using namespace dynamo::actors;
using namespace dynamo::actors::test;

// -- Waiting for capacity

TEST_CASE("a parked request is answered when capacity is there") {
  router_options options;
  options.queue.threshold = 0.000'001;
  options.index.orphans = orphan_policy::hold;
  routed_cluster all{options};
  all.add_worker(7);
  REQUIRE(choice_in(all.choose("a")));

  caf::scoped_actor self{all.nodes.system};
  auto waiting = seam::request(&*self, all.first(), caf::infinite,
                               all.question(all.first(), "b"));
  all.nodes.advance(200ms);
  CHECK(all.report().parked == 1);
  CHECK(all.note(request_ended{"a"}));
  CHECK(all.report().parked == 0);
  bool answered = false;
  waiting.receive(
      [&](const worker_chosen& answer) { answered = choice_in(answer); },
      [](const caf::error&) {});
  CHECK(answered);
}

// -- Several routers

TEST_CASE("routers know each other's requests") {
  router_options options;
  options.replicas.sync = true;
  routed_cluster all{options};
  auto& process = all.nodes.start();
  const auto other = all.start_router(process, options, 2);
  all.add_worker(7);
  all.nodes.advance(100ms);

  REQUIRE(choice_in(all.choose("a")));
  all.nodes.advance(50ms);
  const auto load = all.report_of(other, seven).load;
  CHECK(load.active_requests == 1);
  CHECK(load.active_prefill_tokens == 64);
  CHECK(load.active_decode_blocks == 4);

  CHECK(all.note(request_prefilled{"a"}));
  all.nodes.advance(50ms);
  CHECK(all.report_of(other, seven).load.active_prefill_tokens == 0);

  // Whoever is told frees it for all.
  CHECK(all.note_at(other, request_ended{"a"}));
  all.nodes.advance(50ms);
  CHECK(all.report_of(seven).load.active_requests == 0);
  CHECK(all.report_of(other, seven).load.active_requests == 0);
  // It hears itself, too, and takes no notice.
  CHECK(all.report().counts.replicas.own_ignored == 3);
}

TEST_CASE("a router that starts late gets what others have in progress") {
  router_options options;
  options.replicas.sync = true;
  routed_cluster all{options};
  all.add_worker(7);
  REQUIRE(choice_in(all.choose("a")));
  REQUIRE(choice_in(all.choose("b")));
  CHECK(all.note(request_prefilled{"a"}));
  all.nodes.advance(1s);

  const auto late = all.start_router(all.nodes.start(), options, 3);
  all.nodes.advance(2s);
  CHECK(all.report_of(late, seven).load == all.report_of(seven).load);
  CHECK(all.report_of(late, seven).load.active_requests == 2);
  CHECK(all.report_at(late).replicas.at(0).agrees);
}

TEST_CASE("a router that dies takes its requests along") {
  router_options options;
  options.replicas.sync = true;
  routed_cluster all{options};
  all.add_worker(7);
  auto& process = all.nodes.start();
  const auto other = all.start_router(process, options, 2);
  all.nodes.advance(100ms);
  REQUIRE(choice_in(all.choose_at(other, "a")));
  all.nodes.advance(1s);
  CHECK(all.report_of(seven).load.active_requests == 1);
  caf::anon_send_exit(other, caf::exit_reason::kill);
  all.nodes.advance(7s);
  CHECK(all.report_of(seven).load.active_requests == 0);
}
