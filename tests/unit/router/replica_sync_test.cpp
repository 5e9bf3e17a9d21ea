#include "support/catch.hpp"
#include "unit/router/replica_router.hpp"

using namespace dynamo;
using namespace dynamo::testing;

// -- Events out

TEST_CASE("what a router does becomes Dynamo's events, in order") {
  router one;
  auto mine = request("a");
  mine.router_id = self;
  mine.expected_prefill_duration = 5ms;
  mine.lora_name = "adapter";
  one.sync.added(mine);
  one.sync.prefill_completed(mine);
  one.sync.freed(mine);
  const auto events = one.sync.take_events();
  REQUIRE(events.size() == 3);
  const auto& add = std::get<add_request>(events[0].data);
  CHECK(add.token_sequence == mine.sequence);
  CHECK(add.track_prefill_tokens);
  CHECK(add.prefill_hint == prefill_load_hint{60, 5ms});
  CHECK(std::holds_alternative<mark_prefill_completed>(events[1].data));
  CHECK(std::holds_alternative<free_request>(events[2].data));
  for (const auto& event : events) {
    CHECK(event.request_id == "a");
    CHECK(event.router_id == self);
    CHECK(event.worker == worker_rank{worker, 0});
    CHECK(event.lora_name == "adapter");
  }
  CHECK(one.sync.take_events().empty());
  CHECK(one.sync.counts().published == 3);
}

TEST_CASE("a batch has at most 256 events") {
  router one;
  for (int i = 0; i < 300; ++i)
    one.sync.added(request(std::to_string(i)));
  CHECK(one.sync.take_events().size() == 256);
  CHECK(one.sync.take_events().size() == 44);
}

TEST_CASE("beyond outgoing_max the newest event is dropped, and counted") {
  replica_options options;
  options.outgoing_max = 2;
  router one{options};
  for (const char* id : {"a", "b", "c"})
    one.sync.added(request(id));
  const auto events = one.sync.take_events();
  REQUIRE(events.size() == 2);
  CHECK(events[1].request_id == "b");
  CHECK(one.sync.counts().outgoing_dropped == 1);
}

TEST_CASE("waiting events are bounded by their blocks too") {
  router one;
  auto large = request("a");
  large.sequence = std::vector<std::uint64_t>(5'000'000);
  one.sync.added(large);
  one.sync.added(large);
  one.sync.freed(large);
  CHECK(one.sync.counts().outgoing_dropped == 1);
  CHECK(one.sync.take_events().size() == 2);
  one.sync.added(large);
  CHECK(one.sync.take_events().size() == 1);
}

// -- Events in

TEST_CASE("a router's own events are ignored") {
  router one;
  auto own = added("a");
  own.router_id = self;
  CHECK_FALSE(one.hear(own));
  CHECK(one.requests.size() == 0);
  CHECK(one.sync.counts().own_ignored == 1);
}

TEST_CASE("an added request is booked for its router") {
  router one;
  CHECK_FALSE(one.hear(added("a")));
  CHECK(one.requests.rank_of(peer, "a") == worker_rank{worker, 0});
  const auto load = one.requests.load({worker, 0}, one.now);
  CHECK(load->active_prefill_tokens == 60);
  CHECK(load->active_decode_blocks == 3);
}

TEST_CASE("an added request without tracked prefill or blocks adds neither") {
  router one;
  auto plain = added("a");
  auto& add = std::get<add_request>(plain.data);
  add.track_prefill_tokens = false;
  add.token_sequence.reset();
  one.hear(plain);
  const auto load = one.requests.load({worker, 0}, one.now);
  CHECK(load->active_requests == 1);
  CHECK(load->active_prefill_tokens == 0);
  CHECK(load->active_decode_blocks == 0);
}

TEST_CASE("a request added again on another worker moves") {
  router one;
  one.hear(added("a"));
  CHECK(one.hear(added("a", {502, 0})));
  CHECK_FALSE(one.requests.load({worker, 0}, one.now));
  CHECK(one.requests.rank_of(peer, "a") == worker_rank{502, 0});
  CHECK(one.hear(freed("a")));
  CHECK(one.requests.size() == 0);
}

TEST_CASE("a request added twice in the same words keeps its prefill") {
  router one;
  one.hear(added("a"));
  one.hear(prefilled("a"));
  CHECK_FALSE(one.hear(added("a")));
  CHECK(one.requests.load({worker, 0}, one.now)->active_prefill_tokens == 0);
  CHECK(one.sync.counts().repeated_ignored == 1);
}

TEST_CASE("a completed prefill is taken once and repeated freely") {
  router one;
  one.hear(added("a"));
  CHECK(one.hear(prefilled("a")));
  CHECK_FALSE(one.hear(prefilled("a")));
  CHECK(one.requests.load({worker, 0}, one.now)->active_prefill_tokens == 0);
}

TEST_CASE("the rank of a request is that of its booking") {
  router one;
  one.hear(added("a"));
  auto elsewhere = freed("a");
  elsewhere.worker = {502, 7};
  CHECK(one.hear(elsewhere));
  CHECK_FALSE(one.requests.load({worker, 0}, one.now));
}

TEST_CASE("a freed request has no prefill left") {
  router one;
  one.hear(added("a"));
  one.hear(added("b"));
  one.hear(freed("a"));
  CHECK(one.requests.load({worker, 0}, one.now)->active_prefill_tokens == 60);
}

TEST_CASE("what is said of unknown requests is ignored, and counted") {
  router one;
  CHECK_FALSE(one.hear(freed("a")));
  CHECK_FALSE(one.hear(prefilled("b")));
  CHECK(one.sync.counts().unknown_ignored == 2);
}

TEST_CASE("a worker marks the prefill of whoever booked the request on it") {
  router one;
  auto mine = request("mine");
  mine.router_id = self;
  one.requests.add(mine, one.now);
  one.hear(added("theirs"));
  CHECK(one.hear(prefilled("mine", worker)));
  CHECK(one.hear(prefilled("theirs", worker)));
  CHECK(one.requests.load({worker, 0}, one.now)->active_prefill_tokens == 0);
  // Not of a request on another worker.
  one.hear(added("elsewhere", {502, 0}));
  CHECK_FALSE(one.hear(prefilled("elsewhere", worker)));
  CHECK(one.sync.counts().unknown_ignored == 1);
}

TEST_CASE("a router may be told the end of a request that another booked") {
  router one;
  auto mine = request("mine");
  mine.router_id = self;
  one.requests.add(mine, one.now);
  one.hear(added("theirs"));
  CHECK(one.hear(prefilled("theirs", third)));
  CHECK(one.hear(freed("theirs", third)));
  CHECK(one.hear(freed("mine", third)));
  CHECK(one.requests.size() == 0);
  // Repeated, it does not end the next request with the id.
  one.requests.add(mine, one.now);
  CHECK_FALSE(one.hear(freed("mine", third)));
  CHECK(one.requests.size(self) == 1);
}

TEST_CASE("the end of one router's request is not that of another's") {
  router one;
  one.hear(added("a"));
  auto other = added("a");
  other.router_id = third;
  one.hear(other);
  CHECK(one.hear(freed("a", third)));
  // Repeated, nor on another rank.
  CHECK_FALSE(one.hear(freed("a", third)));
  auto elsewhere = freed("a", 4);
  elsewhere.worker = {502, 0};
  CHECK_FALSE(one.hear(elsewhere));
  CHECK(one.requests.size(peer) == 1);
}

TEST_CASE("routers beyond routers_max are refused, and counted") {
  replica_options options;
  options.routers_max = 1;
  router one{options};
  one.hear(added("a"));
  auto other = added("b");
  other.router_id = third;
  one.hear(other);
  one.hear(sequence_summary{}, third);
  CHECK(one.requests.size() == 1);
  CHECK(one.sync.counts().routers_refused == 2);
}

// -- Ends that are remembered

TEST_CASE("an added request that arrives after its end is ignored") {
  router one;
  one.hear(freed("a"));
  one.hear(added("a"));
  one.hear(added("a"));
  CHECK(one.requests.size() == 0);
  CHECK(one.sync.counts().late_ignored == 2);
}

TEST_CASE("an added request repeated after its end is ignored") {
  router one;
  one.hear(added("a"));
  one.hear(freed("a"));
  one.hear(added("a"));
  CHECK(one.requests.size() == 0);
}

TEST_CASE("an id used anew after its end is a new request") {
  router one;
  one.hear(added("a"));
  one.hear(freed("a"));
  one.hear(added("a", {502, 0}));
  CHECK(one.requests.rank_of(peer, "a") == worker_rank{502, 0});
}

TEST_CASE("an end is forgotten after four intervals") {
  router one;
  one.hear(added("a"));
  one.hear(freed("a"));
  one.tick(4 * interval);
  one.hear(added("a"));
  CHECK(one.requests.size() == 1);
}

TEST_CASE("a snapshot does not bring back what ended a moment ago") {
  router one;
  one.hear(added("a"));
  one.hear(freed("a"));
  one.hear(snapshot_of({request("a"), request("b")}));
  CHECK(one.requests.size(peer) == 1);
  one.tick(4 * interval);
  one.hear(snapshot_of({request("a"), request("b")}, 2));
  CHECK(one.requests.size(peer) == 2);
}

TEST_CASE("ended_requests forgets the oldest beyond its limit") {
  ended_requests ended{2, 1s};
  for (std::uint64_t key = 1; key <= 3; ++key)
    ended.add(key, 7, start);
  CHECK_FALSE(ended.contains(1));
  CHECK(ended.contains(3));
  CHECK(ended.size() == 2);
}

TEST_CASE("an end said again keeps what is known of it") {
  ended_requests ended{8, 1s};
  ended.add(1, 7, start);
  ended.add(1, std::nullopt, start + 900ms);
  CHECK(ended.is_late(1, 7));
  ended.expire(start + 1s);
  CHECK_FALSE(ended.contains(1));
}

// -- Routers that go

TEST_CASE("a router that summarised is lost after silence_max") {
  router one;
  one.hear(added("a"));
  one.hear_summary(one.requests);
  CHECK_FALSE(one.tick(4999ms));
  CHECK(one.tick(1ms));
  CHECK(one.requests.size() == 0);
  CHECK(one.sync.counts().routers_lost == 1);
  CHECK(one.sync.replicas(one.requests, one.now).empty());
}

TEST_CASE("a router that is back after it was lost is asked for a snapshot") {
  router one;
  one.hear(added("a"));
  one.hear_summary(one.requests);
  one.tick(5s);
  one.sync.take_states();
  one.hear_summary(holding({request("a")}));
  CHECK(one.wanted().size() == 1);
}

TEST_CASE("a router without summaries is left to request_ttl") {
  router one;
  one.hear(added("a"));
  CHECK_FALSE(one.tick(1h));
  CHECK(one.requests.size() == 1);
  const auto report = one.sync.replicas(one.requests, one.now).at(0);
  CHECK_FALSE(report.summarises);
  CHECK(report.silence == 1h);
  CHECK(one.requests.expire(one.now, 300s) == 1);
  // Then it needs no place any more.
  one.tick();
  CHECK(one.sync.replicas(one.requests, one.now).empty());
  CHECK(one.sync.counts().routers_lost == 0);
}

TEST_CASE("a router that left takes its requests along") {
  router one;
  one.hear(added("a"));
  one.hear_summary(one.requests);
  CHECK(one.sync.remove_router(peer, one.requests));
  CHECK(one.requests.size() == 0);
  CHECK(one.sync.counts().routers_lost == 1);
  CHECK_FALSE(one.sync.remove_router(peer, one.requests));
  CHECK(one.sync.counts().routers_lost == 1);
}

TEST_CASE("what a router that left said before is ignored for a while") {
  router one;
  one.hear(added("a"));
  one.sync.remove_router(peer, one.requests);
  one.hear(added("b"));
  one.hear(snapshot_of({request("c")}));
  CHECK(one.requests.size() == 0);
  CHECK(one.sync.counts().late_ignored == 2);
  one.now += 4 * interval;
  one.hear(added("b"));
  CHECK(one.requests.size() == 1);
}

TEST_CASE("a router does not remove itself") {
  router one;
  auto mine = request("a");
  mine.router_id = self;
  one.requests.add(mine, one.now);
  CHECK_FALSE(one.sync.remove_router(self, one.requests));
  CHECK(one.requests.size(self) == 1);
}
