#include "actors/router.hpp"
#include "actors/router_messages.hpp"
#include "dynamo/discovery/worker_record.hpp"

#include "support/catch.hpp"
#include "unit/actors/plane_fixture.hpp"

using namespace dynamo;
using namespace dynamo::actors;
using namespace dynamo::actors::test;

namespace {

using hashes = std::vector<std::uint64_t>;

/// What every rank of these tests stores: block b has the local hash 100 + b.
const hashes prompt{101, 102, 103, 104};

endpoint_instance endpoint_of(std::uint64_t worker_id) {
  endpoint_instance served{"dynamo", "backend", "generate", worker_id};
  served.transport =
      tcp_transport_json(served, "10.0.0." + std::to_string(worker_id) + ":80");
  return served;
}

model_card card_of(std::uint64_t worker_id, std::uint32_t ranks) {
  return {"dynamo", "backend", "generate", worker_id,
          R"({"runtime_config":{"data_parallel_size":)" +
              std::to_string(ranks) + "}}"};
}

/// Blocks [first, last], each the child of the one before.
kv_events stored(worker_rank rank, std::uint64_t event_id, std::uint64_t first,
                 std::uint64_t last) {
  kv_stored made;
  if (first > 1) {
    made.parent_hash = first - 1;
  }
  for (std::uint64_t block = first; block <= last; ++block) {
    made.blocks.push_back({block, 100 + block, {}});
  }
  router_event event;
  event.worker_id = rank.worker_id;
  event.domain = residency_domain::worker;
  event.event = {event_id, std::move(made), rank.dp_rank};
  return {event};
}

/// A cluster with one router, made as actors/routing.cpp makes it.
class routed_cluster {
 public:
  explicit routed_cluster(router_options options = {})
      : home_(nodes.start()) {
    router_plan plan;
    plan.owner = backend;
    plan.options = options;
    router_ = nodes.system.spawn<actors::router>(std::move(plan),
                                                 home_.parts->around);
    for (const bucket where :
         {bucket::models, bucket::instances, bucket::event_sources}) {
      follow(where);
    }
    nodes.subscribe(home_, router_, topics::kv_events);
    nodes.subscribe(home_, router_, topics::kv_metrics);
  }

  ~routed_cluster() {
    caf::anon_send_exit(router_, caf::exit_reason::user_shutdown);
    nodes.run();
  }
  routed_cluster(const routed_cluster&) = delete;
  routed_cluster& operator=(const routed_cluster&) = delete;

  /// A process whose worker is in discovery.
  cluster::process& add_worker(std::uint64_t id, std::uint32_t ranks = 1) {
    auto& process = nodes.start();
    REQUIRE(process.parts->watcher.store->advertise(card_of(id, ranks)));
    REQUIRE(process.parts->watcher.store->advertise(endpoint_of(id)));
    nodes.run();
    return process;
  }

  /// A publisher of one rank's kv-events, connected to the router.
  publisher_handle publish(cluster::process& on, worker_rank rank,
                           std::optional<publisher_options> options = {}) {
    auto out = start_publisher_on(
        on.root, *on.parts,
        {backend, std::string{topics::kv_events},
         kv_source_metadata{backend, rank.worker_id, rank.dp_rank, 0},
         options});
    nodes.advance(50ms);
    return out;
  }

  worker_chosen choose(const std::string& request_id) {
    route_query query;
    query.request_id = request_id;
    query.local = prompt;
    return nodes.ask<worker_chosen>(
        router_, choose_worker{std::make_shared<const route_query>(query)});
  }

  router_report report() {
    return nodes.ask<router_report>(router_, report_router{});
  }

  rank_report report_of(worker_rank rank) {
    for (const rank_report& one : report().ranks) {
      if (one.rank == rank) {
        return one;
      }
    }
    return {};
  }

  std::uint64_t device_blocks(worker_rank rank) {
    return report_of(rank).blocks.front();
  }

  std::vector<rank_overlap> overlaps() {
    return nodes
        .ask<overlaps_found>(
            router_, find_overlaps{std::make_shared<const hashes>(prompt)})
        .overlaps;
  }

  bool timeline_has(std::string_view what) {
    const auto timeline = report().timeline;
    return std::any_of(
        timeline.begin(), timeline.end(),
        [what](const timeline_entry& entry) { return entry.what == what; });
  }

  template <class Fact>
  bool note(Fact fact) {
    return nodes.ask<request_noted>(router_, std::move(fact)).known;
  }

  index_report index() {
    return nodes.ask<index_report>(router_, report_index{});
  }

  cluster nodes;

 private:
  void follow(bucket where) {
    const auto tell = [to = router_, where](const discovery_change& change) {
      using changes = std::vector<discovery_change>;
      seam::anon_send(
          to, records_changed{where,
                              std::make_shared<const changes>(changes{change}),
                              false});
    };
    seam::anon_send(home_.root, start_observer{where, tell});
    nodes.run();
  }

  cluster::process& home_;
  caf::actor router_;
};

constexpr worker_rank seven{7, 0};
constexpr worker_rank eight{8, 0};

} // namespace

TEST_CASE("a router without workers refuses with a reason") {
  routed_cluster all;
  const auto answer = all.choose("a");
  CHECK_FALSE(answer.choice);
  REQUIRE(answer.refusal);
  CHECK(answer.refusal->code == errc::unavailable);
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
  REQUIRE(answer.choice);
  CHECK(answer.choice->rank.worker_id == 7);
  CHECK(answer.choice->endpoint == "http://10.0.0.7:80");
  CHECK(answer.choice->candidates == 2);
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
  REQUIRE(answer.choice);
  CHECK(answer.choice->rank == eight);
  CHECK(answer.choice->overlap_blocks == 4);

  const auto index = all.index();
  REQUIRE(index.ranks.size() == 2);
  CHECK(index.ranks[1].rank.rank == eight);
  CHECK(index.ranks[1].blocks.size() == 4);
}

TEST_CASE("a request counts as load until it is reported as ended") {
  routed_cluster all;
  all.add_worker(7);
  REQUIRE(all.choose("a").choice);
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
  CHECK_FALSE(all.choose("a").choice);
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
  CHECK_FALSE(all.choose("a").choice);

  REQUIRE(store.advertise(served));
  REQUIRE(store.advertise(sources->front().value));
  all.nodes.advance(5s);
  const auto answer = all.choose("b");
  REQUIRE(answer.choice);
  CHECK(answer.choice->overlap_blocks == 4);
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
  out.publish(stored(seven, 99, 9, 9));
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
  CHECK(all.choose("a").choice);

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
