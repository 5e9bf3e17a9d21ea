#include "support/catch.hpp"
#include "unit/router/replica_network.hpp"
#include "unit/router/replica_router.hpp"

using namespace dynamo;
using namespace dynamo::testing;

// -- Summaries

TEST_CASE("a router says every interval how much it has") {
  router one;
  auto mine = request("a");
  mine.router_id = self;
  one.requests.add(mine, one.now);
  one.tick();
  const auto states = one.sync.take_states();
  REQUIRE(states.size() == 1);
  CHECK(states[0] ==
        sequence_state{self, sequence_summary{1, one.requests.digest(self)}});
  one.tick(interval / 2);
  CHECK(one.sync.take_states().empty());
  one.tick(interval / 2);
  one.tick(interval);
  // What was not taken is replaced.
  CHECK(one.sync.take_states().size() == 1);
}

TEST_CASE("a summary that says what we hold keeps a router's requests alive") {
  router one;
  one.hear(added("a"));
  for (int i = 0; i < 2000; ++i) {
    one.now += interval;
    one.hear_summary(one.requests);
    one.requests.expire(one.now, 300s);
  }
  CHECK(one.requests.size(peer) == 1);
  CHECK(one.sync.replicas(one.requests, one.now).at(0).agrees);
  CHECK(one.wanted().empty());
}

TEST_CASE("a late joiner wants a snapshot at once") {
  router one;
  one.hear_summary(holding({request("a")}));
  CHECK(one.wanted() == std::vector<std::uint64_t>{peer});
  CHECK(one.sync.counts().snapshots_wanted == 1);
}

TEST_CASE("a snapshot is wanted after two summaries that do not agree") {
  router one;
  one.hear_summary(holding({}));
  one.now += 10s;
  one.hear_summary(holding({request("a")}));
  CHECK(one.wanted().empty());
  CHECK_FALSE(one.sync.replicas(one.requests, one.now).at(0).agrees);
  one.now += interval;
  one.hear_summary(holding({request("a")}));
  CHECK(one.wanted().size() == 1);
  CHECK(one.sync.counts().disagreements == 2);
}

TEST_CASE("a snapshot is wanted at once after a gap") {
  router one;
  one.hear_summary(holding({}));
  one.sync.gap_seen(peer);
  one.hear_summary(holding({request("a")}));
  CHECK(one.wanted().size() == 1);
}

TEST_CASE("a snapshot is wanted once for repeated summaries") {
  router one;
  for (int i = 0; i < 5; ++i)
    one.hear_summary(holding({request("a")}));
  CHECK(one.sync.counts().snapshots_wanted == 1);
}

TEST_CASE("snapshots that do not fit are wanted rarely") {
  router one;
  one.requests = active_sequences{{.requests_max = 2, .blocks_max = 100}};
  const std::vector<booking> all{request("a"), request("b"), request("c")};
  for (std::uint64_t number = 1; number <= 64; ++number) {
    one.now += interval;
    one.hear_summary(holding(all));
    if (!one.wanted().empty())
      one.hear(snapshot_of(all, number));
  }
  CHECK(one.requests.size(peer) == 2);
  CHECK(one.sync.counts().snapshots_wanted <= 3);
}

TEST_CASE("a summary that came before its events agrees when they are there") {
  router one;
  one.hear_summary(holding({}));
  one.now += 10s;
  one.hear_summary(holding({request("a")}));
  one.hear(added("a"));
  CHECK(one.sync.replicas(one.requests, one.now).at(0).agrees);
  one.now += interval;
  one.hear_summary(holding({request("a"), request("b")}));
  CHECK(one.wanted().empty());
}

TEST_CASE("a summary that came after later events agrees") {
  router one;
  one.hear(added("a"));
  one.hear(added("b"));
  one.hear_summary(holding({request("a")}));
  CHECK(one.sync.replicas(one.requests, one.now).at(0).agrees);
  // But not much later.
  one.now += interval + 1ms;
  one.hear_summary(holding({request("a")}));
  CHECK_FALSE(one.sync.replicas(one.requests, one.now).at(0).agrees);
}

TEST_CASE("no snapshot is wanted in heavy traffic while nothing is lost") {
  replica_network net{7};
  net.weather = {0, 0, 60ms, true};
  for (std::uint64_t id = 1; id <= 3; ++id)
    net.join(id);
  net.run(2 * interval);
  for (int i = 0; i < 1000; ++i) {
    auto& node = *net.nodes[net.below(3)];
    auto made = request(std::to_string(i));
    node.add(made, net.now);
    if (i >= 30)
      for (const auto& each : net.nodes)
        each->free(std::to_string(i - 30), net.now);
    net.run(net.step);
  }
  for (const auto& node : net.nodes) {
    CHECK(node->sync.counts().disagreements > 0);
    CHECK(node->sync.counts().snapshots_wanted == 0);
  }
}

// -- Snapshots out

TEST_CASE("whoever asks is answered with a snapshot of our requests") {
  router one;
  auto mine = request("a");
  mine.router_id = self;
  one.requests.add(mine, one.now);
  one.requests.mark_prefill_completed(self, "a", one.now);
  one.now += 250ms;
  one.hear(sequence_wanted{self});
  const auto parts = one.snapshots();
  REQUIRE(parts.size() == 1);
  CHECK(parts[0].parts == 1);
  REQUIRE(parts[0].requests.size() == 1);
  CHECK(parts[0].requests[0] ==
        tracked_request{added_event(mine), true, 250ms});
  CHECK(one.sync.counts().snapshots_sent == 1);
}

TEST_CASE("a snapshot of others is not ours to give") {
  router one;
  one.hear(added("a"));
  one.hear(sequence_wanted{third});
  CHECK(one.snapshots().empty());
}

TEST_CASE("all who ask within an interval share a snapshot") {
  router one;
  one.hear(sequence_wanted{self});
  CHECK(one.snapshots().size() == 1);
  one.hear(sequence_wanted{self}, third);
  one.hear(sequence_wanted{self}, peer);
  one.tick(interval / 2);
  CHECK(one.snapshots().empty());
  one.tick(interval / 2);
  CHECK(one.snapshots().size() == 1);
  one.tick(interval);
  CHECK(one.snapshots().empty());
}

TEST_CASE("a snapshot is divided by requests and by blocks") {
  router one;
  for (int i = 0; i < 300; ++i) {
    auto mine = request(std::to_string(i));
    mine.router_id = self;
    one.requests.add(mine, one.now);
  }
  one.hear(sequence_wanted{self});
  const auto parts = one.snapshots();
  REQUIRE(parts.size() == 3);
  CHECK(parts[2].requests.size() == 44);
  CHECK(parts[2].part == 2);
  CHECK(parts[2].parts == 3);

  router large;
  for (int i = 0; i < 4; ++i) {
    auto mine = request(std::to_string(i));
    mine.router_id = self;
    mine.sequence = std::vector<std::uint64_t>(i == 0 ? 10'000 : 4000);
    large.requests.add(mine, large.now);
  }
  large.hear(sequence_wanted{self});
  CHECK(large.snapshots().size() == 3);
}

// -- Snapshots in

TEST_CASE("a snapshot adds what is missing, as old as it is") {
  router one;
  auto snapshot = snapshot_of({request("a"), request("b")});
  snapshot.requests[0].prefill_completed = true;
  snapshot.requests[1].age = 5s;
  CHECK_FALSE(one.hear(snapshot));
  const auto all = one.requests.requests(one.now, peer);
  REQUIRE(all.size() == 2);
  CHECK(all[0].prefill_completed);
  CHECK_FALSE(all[1].prefill_completed);
  CHECK(all[1].age == 5s);
  CHECK(one.sync.counts().snapshots_applied == 1);
  CHECK(one.sync.counts().repaired == 2);
}

TEST_CASE("a snapshot completes prefills, and does so once") {
  router one;
  one.hear(added("a"));
  auto snapshot = snapshot_of({request("a")});
  snapshot.requests[0].prefill_completed = true;
  CHECK(one.hear(snapshot));
  CHECK(one.requests.requests(one.now)[0].prefill_completed);
  snapshot.number = 2;
  CHECK_FALSE(one.hear(snapshot));
  CHECK(one.sync.counts().repaired == 1);
}

TEST_CASE("a router knows best that its prefill is not completed") {
  router one;
  one.hear(added("a"));
  one.hear(prefilled("a"));
  // The mark may have come after the snapshot was made.
  one.hear(snapshot_of({request("a")}));
  CHECK(one.requests.requests(one.now)[0].prefill_completed);
  one.now += interval;
  one.hear(snapshot_of({request("a")}, 2));
  CHECK_FALSE(one.requests.requests(one.now)[0].prefill_completed);
}

TEST_CASE("a snapshot takes away what it does not name") {
  router one;
  one.hear(added("a"));
  one.hear(added("b"));
  one.now += interval;
  CHECK(one.hear(snapshot_of({request("b")})));
  CHECK_FALSE(one.requests.rank_of(peer, "a"));
  CHECK(one.requests.rank_of(peer, "b"));
  // Its event, repeated, does not bring it back.
  one.hear(added("a"));
  CHECK(one.requests.size() == 1);
}

TEST_CASE("a snapshot leaves what was added a moment ago") {
  router one;
  one.hear(added("a"));
  one.now += interval - 1ms;
  CHECK_FALSE(one.hear(snapshot_of({})));
  CHECK(one.requests.size() == 1);
}

TEST_CASE("a snapshot moves a request, unless it was added a moment ago") {
  router one;
  one.hear(added("a"));
  one.hear(snapshot_of({request("a", {502, 0})}));
  CHECK(one.requests.rank_of(peer, "a") == worker_rank{worker, 0});
  one.now += interval;
  CHECK(one.hear(snapshot_of({request("a", {502, 0})}, 2)));
  CHECK(one.requests.rank_of(peer, "a") == worker_rank{502, 0});
}

TEST_CASE("a snapshot is about its sender, whatever its requests say") {
  router one;
  auto mine = request("mine");
  mine.router_id = self;
  one.requests.add(mine, one.now);
  one.now += 10s;
  one.hear(snapshot_of({mine}));
  CHECK(one.requests.size(self) == 1);
  CHECK(one.requests.size(peer) == 1);
}

TEST_CASE("the parts of a snapshot may come in any order, and twice") {
  router one;
  one.hear(added("old"));
  one.now += interval;
  auto first = snapshot_of({request("a")});
  auto second = snapshot_of({request("b")});
  first.parts = second.parts = 2;
  second.part = 1;
  one.hear(second);
  one.hear(second);
  // Each part adds at once; only all of them take away.
  CHECK(one.requests.size() == 2);
  CHECK(one.sync.counts().snapshots_applied == 0);
  one.hear(first);
  CHECK(one.requests.size() == 2);
  CHECK_FALSE(one.requests.rank_of(peer, "old"));
  CHECK(one.sync.counts().snapshots_applied == 1);
  one.hear(first);
  CHECK(one.sync.counts().snapshots_applied == 1);
}

TEST_CASE("a snapshot with parts missing is given up") {
  router one;
  auto first = snapshot_of({request("a")});
  first.parts = 2;
  one.hear(first);
  one.tick(4 * interval);
  CHECK(one.sync.counts().snapshots_dropped == 1);
  // And by a later one.
  first.number = 5;
  one.hear(first);
  one.hear(snapshot_of({request("a")}, 6));
  CHECK(one.sync.counts().snapshots_dropped == 2);
  CHECK(one.sync.counts().snapshots_applied == 1);
}

TEST_CASE("a snapshot older than the last one is ignored") {
  router one;
  one.hear(snapshot_of({request("a")}, 2));
  one.now += interval;
  one.hear(snapshot_of({}, 1));
  CHECK(one.requests.size() == 1);
  CHECK(one.sync.counts().late_ignored == 1);
  // But not one of a router that began to count anew.
  one.now += 4 * interval;
  one.hear(snapshot_of({}, 1));
  CHECK(one.requests.size() == 0);
}

TEST_CASE("a snapshot whose parts make no sense is ignored") {
  router one;
  auto odd = snapshot_of({request("a")});
  odd.part = 1;
  one.hear(odd);
  odd.part = 0;
  odd.parts = 0;
  one.hear(odd);
  odd.parts = snapshot_parts_max + 1;
  one.hear(odd);
  CHECK(one.requests.size() == 0);
}

TEST_CASE("an age beyond all measure is taken for a long one") {
  router one;
  auto snapshot = snapshot_of({request("a")});
  snapshot.requests[0].age = std::chrono::milliseconds::max();
  one.hear(snapshot);
  CHECK(one.requests.requests(one.now)[0].age == 24h * 365);
}
