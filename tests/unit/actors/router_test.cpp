#include "unit/actors/router_fixture.hpp"

using namespace dynamo;
using namespace dynamo::actors;
using namespace dynamo::actors::test;

TEST_CASE("a router without workers refuses with a reason") {
  routed_cluster all;
  const auto answer = all.choose("a");
  const auto* refused = std::get_if<route_refusal>(&answer.outcome);
  REQUIRE(refused != nullptr);
  CHECK(refused->why == refusal::no_worker);
}

TEST_CASE("a worker joins with the ranks of its model, and is chosen") {
  routed_cluster all;
  all.add_worker(7, 2);
  const auto report = all.report();
  REQUIRE(report.ranks.size() == 2);
  CHECK(report.ranks[0].rank == seven);
  CHECK(report.ranks[1].rank == worker_rank{7, 1});
  CHECK(report.ranks[1].member);
  CHECK(all.timeline_has("worker_joined"));

  const auto answer = all.choose("a");
  REQUIRE(choice_in(answer));
  CHECK(choice_in(answer)->rank.worker_id == 7);
  CHECK(choice_in(answer)->endpoint == "http://10.0.0.7:80");
  CHECK(choice_in(answer)->candidates == 2);
}

TEST_CASE("a worker of another endpoint does not join") {
  routed_cluster all;
  auto& process = all.nodes.start();
  auto other = endpoint_of(9);
  other.component = "prefill";
  REQUIRE(process.parts->watcher.store->advertise(other));
  all.nodes.advance(50ms);
  CHECK(all.report().ranks.empty());
}

TEST_CASE("kv-events reach the index, and requests go where their prefix is") {
  routed_cluster all;
  auto& first = all.add_worker(7);
  auto& second = all.add_worker(8);
  auto of_seven = all.publish(first, seven);
  auto of_eight = all.publish(second, eight);
  of_seven.publish(stored(seven, 1, 1, 1));
  of_eight.publish(stored(eight, 1, 1, 2));
  of_eight.publish(stored(eight, 2, 3, 4));
  all.nodes.advance(50ms);

  CHECK(all.overlaps() ==
        std::vector<rank_overlap>{{seven, 1, 1, 1}, {eight, 4, 4, 4}});
  CHECK(all.report_of(eight).sync == sync_state::in_sync);
  CHECK(all.report_of(eight).last_event_id == 2U);
  const auto answer = all.choose("a");
  REQUIRE(choice_in(answer));
  CHECK(choice_in(answer)->rank == eight);
  CHECK(choice_in(answer)->overlap_blocks == 4);

  const auto index = all.index();
  REQUIRE(index.ranks.size() == 2);
  CHECK(index.ranks[1].rank.rank == eight);
  CHECK(index.ranks[1].blocks.size() == 4);
}

TEST_CASE("a request counts as load until it is reported as ended") {
  routed_cluster all;
  all.add_worker(7);
  REQUIRE(choice_in(all.choose("a")));
  CHECK(all.report_of(seven).load.active_requests == 1);
  CHECK(all.report_of(seven).load.active_prefill_tokens == 64);
  CHECK(all.note(request_prefilled{"a"}));
  CHECK(all.report_of(seven).load.active_prefill_tokens == 0);
  CHECK(all.note(request_ended{"a"}));
  CHECK(all.report_of(seven).load.active_requests == 0);
  CHECK_FALSE(all.note(request_ended{"a"}));
}

TEST_CASE("a worker that leaves is not chosen, and its blocks go after "
          "departed_ttl") {
  router_options options;
  options.departed_ttl = 3s;
  routed_cluster all{options};
  auto& worker = all.add_worker(7);
  auto out = all.publish(worker, seven);
  out.publish(stored(seven, 1, 1, 4));
  all.nodes.advance(50ms);
  REQUIRE(all.device_blocks(seven) == 4);

  all.nodes.end(worker);
  CHECK_FALSE(choice_in(all.choose("a")));
  CHECK(all.device_blocks(seven) == 4);
  CHECK(all.report_of(seven).sync == sync_state::stale);
  CHECK(all.timeline_has("worker_left"));

  all.nodes.advance(2s);
  CHECK(all.device_blocks(seven) == 4);
  all.nodes.advance(2s);
  CHECK(all.report().ranks.empty());
  CHECK(all.timeline_has("worker_removed"));
}

TEST_CASE("a worker whose records come back in time still has its blocks") {
  router_options options;
  options.departed_ttl = 3s;
  routed_cluster all{options};
  auto& worker = all.add_worker(7);
  auto out = all.publish(worker, seven);
  out.publish(stored(seven, 1, 1, 4));
  all.nodes.advance(50ms);

  // As file discovery does it when the process is stopped for a while: the
  // publisher lives on, but its records run out.
  const auto served = endpoint_of(7);
  auto& store = *worker.parts->watcher.store;
  const auto sources = store.list(bucket::event_sources);
  REQUIRE(sources);
  REQUIRE(sources->size() == 1);
  REQUIRE(all.nodes.store->forget(bucket::instances, key_of(served)));
  REQUIRE(all.nodes.store->forget(bucket::event_sources,
                                  key_of(sources->front().value)));
  all.nodes.advance(1s);
  CHECK_FALSE(choice_in(all.choose("a")));

  REQUIRE(store.advertise(served));
  REQUIRE(store.advertise(sources->front().value));
  all.nodes.advance(5s);
  const auto answer = all.choose("b");
  REQUIRE(choice_in(answer));
  CHECK(choice_in(answer)->overlap_blocks == 4);
  out.publish(stored(seven, 2, 5, 5));
  all.nodes.advance(50ms);
  CHECK(all.device_blocks(seven) == 5);
  CHECK(all.report_of(seven).sync == sync_state::in_sync);
}

TEST_CASE("a new publisher of a rank replaces the blocks of the old one") {
  routed_cluster all;
  auto& worker = all.add_worker(7);
  auto before = all.publish(worker, seven);
  before.publish(stored(seven, 1, 1, 4));
  all.nodes.advance(50ms);
  REQUIRE(all.device_blocks(seven) == 4);

  auto after = all.publish(worker, seven);
  CHECK(all.device_blocks(seven) == 0);
  after.publish(stored(seven, 1, 1, 2));
  before.publish(stored(seven, 2, 5, 5));
  all.nodes.advance(50ms);
  CHECK(all.device_blocks(seven) == 2);
  CHECK(all.report().counts.superseded == 1);

  before.close();
  all.nodes.advance(50ms);
  CHECK(all.device_blocks(seven) == 2);
  CHECK(all.report_of(seven).sync == sync_state::in_sync);
}

TEST_CASE("events that are missing make a rank partial, its blocks stay") {
  routed_cluster all;
  auto& worker = all.add_worker(7);
  auto out = all.publish(worker, seven);
  out.publish(stored(seven, 1, 1, 2));
  all.nodes.advance(50ms);
  out.publish(stored(seven, 4, 3, 3));
  all.nodes.advance(50ms);
  CHECK(all.report_of(seven).sync == sync_state::partial);
  CHECK(all.report_of(seven).missed == 2);
  CHECK(all.device_blocks(seven) == 3);
}

TEST_CASE("messages that are missing make a rank partial, whatever its event "
          "ids say") {
  publisher_options narrow;
  narrow.buffer.items_max = 1;
  routed_cluster all;
  auto& worker = all.add_worker(7);
  auto out = all.publish(worker, seven, narrow);
  out.publish(stored(seven, 1, 1, 1));
  all.nodes.advance(50ms);
  REQUIRE(all.report_of(seven).sync == sync_state::in_sync);
  // Too large to be sent by who publishes it, and gone when its turn comes.
  out.publish(stored(seven, 99, 9, 999));
  out.publish(stored(seven, 2, 2, 2));
  all.nodes.advance(50ms);
  CHECK(all.report_of(seven).sync == sync_state::partial);
  CHECK(all.report_of(seven).missed == 0);
  CHECK(all.timeline_has("stream_gap"));
  CHECK(all.device_blocks(seven) == 2);
}

TEST_CASE("a rank whose connection is lost is stale until it is back") {
  routed_cluster all;
  auto& worker = all.add_worker(7);
  auto out = all.publish(worker, seven);
  out.publish(stored(seven, 1, 1, 1));
  all.nodes.advance(50ms);
  all.nodes.network->cut(all.nodes.publisher_report(worker).endpoint);
  all.nodes.run();
  CHECK(all.report_of(seven).sync == sync_state::stale);
  CHECK(choice_in(all.choose("a")));

  all.nodes.advance(1s);
  CHECK(all.report_of(seven).sync == sync_state::in_sync);
  out.publish(stored(seven, 2, 2, 2));
  all.nodes.advance(50ms);
  CHECK(all.report_of(seven).sync == sync_state::in_sync);
  CHECK(all.device_blocks(seven) == 2);
}

TEST_CASE("load that workers report is merged field by field") {
  routed_cluster all;
  auto& worker = all.add_worker(7);
  auto out = all.nodes.publish(worker, topics::kv_metrics);
  all.nodes.advance(50ms);
  active_load decode;
  decode.worker_id = 7;
  decode.active_decode_blocks = 12;
  out.publish(decode);
  out.publish(load(5));
  all.nodes.advance(50ms);
  const auto reported = all.report_of(seven).reported;
  REQUIRE(reported);
  CHECK(reported->active_decode_blocks == 12U);
  CHECK(reported->kv_used_blocks == 5U);
  CHECK_FALSE(reported->active_prefill_tokens);
}
