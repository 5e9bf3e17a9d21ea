#include <chrono>
#include <set>

#include "unit/router/router_events.hpp"

using namespace dynamo;
using namespace dynamo::testing;
using namespace std::chrono_literals;

namespace {

kv_router with_profiles() {
  kv_router router = make_router();
  worker_profile first;
  first.endpoint = "http://one";
  first.rank_count = 2;
  first.taints = {"fast", "eu"};
  REQUIRE(router.add_worker(1, first));
  worker_profile second;
  second.endpoint = "http://two";
  second.taints = {"eu"};
  REQUIRE(router.add_worker(2, second));
  return router;
}

active_load used(std::uint64_t worker_id, std::uint64_t blocks) {
  active_load load;
  load.worker_id = worker_id;
  load.kv_used_blocks = blocks;
  return load;
}

} // namespace

// -- Who may be chosen

TEST_CASE("a pinned worker is chosen whatever its load") {
  kv_router router = with_profiles();
  for (int i = 0; i < 5; ++i) {
    route_request busy = request("busy" + std::to_string(i), {});
    busy.prompt_tokens = 10'000;
    busy.pinned_worker = 1;
    busy.pinned_rank = 1;
    CHECK(choose(router, busy).rank == worker_rank{1, 1});
  }
  route_request wanted = request("a", prompt);
  wanted.pinned_worker = 1;
  CHECK(choose(router, wanted).rank == worker_rank{1, 0});
  wanted.request_id = "b";
  wanted.pinned_rank = 1;
  const route_choice choice = choose(router, wanted);
  CHECK(choice.rank == worker_rank{1, 1});
  CHECK(choice.reason.starts_with("pinned: "));
}

TEST_CASE("a pinned worker that is not there is a refusal") {
  kv_router router = with_profiles();
  route_request wanted = request("a", prompt);
  wanted.pinned_worker = 9;
  CHECK(refused(router, wanted) == refusal::no_worker);
  wanted.pinned_worker = 2;
  wanted.pinned_rank = 1;
  CHECK(refused(router, wanted) == refusal::no_worker);
}

TEST_CASE("only allowed workers are candidates") {
  kv_router router = with_profiles();
  route_request wanted = request("a", prompt);
  wanted.allowed_workers = {2, 9};
  const route_choice choice = choose(router, wanted);
  CHECK(choice.rank == two);
  CHECK(choice.candidates == 1);
  wanted.request_id = "b";
  wanted.allowed_workers = {9};
  CHECK(refused(router, wanted) == refusal::none_allowed);
}

TEST_CASE("required taints filter, preferred ones make a worker cheaper") {
  kv_router router = with_profiles();
  route_request wanted = request("a", prompt);
  wanted.required_taints = {"eu", "fast"};
  CHECK(choose(router, wanted).rank.worker_id == 1);
  wanted.request_id = "b";
  wanted.required_taints = {"us"};
  CHECK(refused(router, wanted) == refusal::none_allowed);

  route_request preferring = request("c", {301, 302});
  preferring.preferred_taints = {{"fast", 2.0}};
  CHECK(choose(router, preferring).rank.worker_id == 1);
  preferring.request_id = "d";
  preferring.local = {401, 402};
  preferring.preferred_taints = {{"fast", -2.0}};
  CHECK(choose(router, preferring).rank == two);
}

TEST_CASE("an overloaded worker gets nothing, and all of them are a refusal") {
  router_options options;
  options.overload.decode_blocks_fraction = 0.5;
  kv_router router = make_router(options);
  for (const std::uint64_t id : {1, 2}) {
    worker_profile profile;
    profile.capacity.kv_total_blocks = 1000;
    REQUIRE(router.add_worker(id, profile));
  }
  router.apply(stored(one, 1, {1, 2, 3, 4}));
  CHECK(router.merge_load(used(1, 501), start));
  CHECK(choose(router, request("a", prompt)).rank == two);
  CHECK(report_of(router, one).overloaded);
  CHECK(router.merge_load(used(2, 501), start));
  CHECK(refused(router, request("b", prompt)) == refusal::overloaded);
  CHECK(router.counts().overloaded == 1);
  CHECK(router.merge_load(used(1, 500), start));
  CHECK(choose(router, request("c", prompt)).rank == one);
}

TEST_CASE("what the router itself booked counts for the thresholds") {
  router_options options;
  options.overload.prefill_tokens = 100;
  kv_router router = with_two_workers(options);
  for (const char* id : {"a", "b"}) {
    route_request large = request(id, {});
    large.prompt_tokens = 101;
    choose(router, large);
  }
  CHECK(refused(router, request("c", prompt)) == refusal::overloaded);
  CHECK(router.mark_prefill_completed("a", start));
  choose(router, request("d", prompt));
}

// -- Selection and booking are one step

TEST_CASE("a burst of identical requests spreads") {
  kv_router router = make_router();
  for (std::uint64_t id = 1; id <= 4; ++id)
    REQUIRE(add_worker(router, id, 0, 1));
  std::map<std::uint64_t, int> sent;
  for (int i = 0; i < 40; ++i)
    ++sent[choose(router, request("r" + std::to_string(i), prompt))
               .rank.worker_id];
  CHECK(sent.size() == 4);
  for (const auto& [worker, requests] : sent)
    CHECK(requests == 10);
}

TEST_CASE("a request that only asks books nothing") {
  kv_router router = with_two_workers();
  route_request asking = request("a", prompt);
  asking.mode = booking_mode::only_ask;
  choose(router, asking);
  CHECK(router.requests() == 0);
  CHECK_FALSE(router.free("a", start));
}

// -- Explanations and overrides

TEST_CASE("an explanation lists every rank with the terms of its cost") {
  kv_router router = with_profiles();
  router.apply(stored(two, 1, {1, 2}));
  route_request wanted = request("a", prompt);
  wanted.explain = true;
  wanted.allowed_workers = {2};
  const route_choice choice = choose(router, wanted);
  REQUIRE(choice.explanation.size() == 3);
  CHECK(choice.explanation[0].excluded == exclusion::not_allowed);
  const candidate_report& chosen = choice.explanation[2];
  CHECK(chosen.rank == two);
  CHECK(chosen.excluded == exclusion::none);
  CHECK(chosen.input.overlap.device == 2);
  CHECK(chosen.cost.raw_prefill_blocks == 4);
  CHECK(chosen.cost.credit == 2);
  CHECK(chosen.cost.total == choice.cost.total);
  // It is booked all the same.
  CHECK(report_of(router, two).load.active_prefill_tokens == 32);
}

TEST_CASE("a request may weigh overlap otherwise") {
  kv_router router = with_two_workers();
  router.apply(stored(two, 1, {1, 2, 3, 4}));
  route_request first = request("a", {});
  first.prompt_tokens = 32;
  first.pinned_worker = 2;
  choose(router, first);
  route_request wanted = request("b", prompt);
  wanted.mode = booking_mode::only_ask;
  CHECK(choose(router, wanted).rank == two);
  wanted.overrides.overlap_score_credit = 0;
  CHECK(choose(router, wanted).rank == one);
}

TEST_CASE("prompts that do not count are no load") {
  router_options options;
  options.tracking.prefill_tokens = false;
  kv_router router = with_two_workers(options);
  choose(router, request("a", prompt), start, 0);
  CHECK(report_of(router, one).load.active_prefill_tokens == 0);
  CHECK(report_of(router, one).load.active_decode_blocks == 4);
}

TEST_CASE("blocks that do not count are no load") {
  router_options options;
  options.tracking.active_blocks = false;
  kv_router router = with_two_workers(options);
  choose(router, request("a", prompt), start, 0);
  CHECK(report_of(router, one).load.active_decode_blocks == 0);
  CHECK(report_of(router, one).load.active_requests == 1);
}

TEST_CASE("without the assumption of reuse equal prompts share nothing") {
  router_options options;
  options.tracking.assume_kv_reuse = false;
  kv_router router = make_router(options);
  REQUIRE(add_worker(router, 1, 0, 1));
  choose(router, request("a", prompt));
  choose(router, request("b", prompt));
  CHECK(report_of(router, one).load.active_decode_blocks == 8);
}

TEST_CASE("output blocks count when they are tracked") {
  router_options options;
  options.tracking.output_blocks = true;
  kv_router router = make_router(options);
  REQUIRE(add_worker(router, 1, 0, 1));
  choose(router, request("a", prompt));
  CHECK(router.add_output_block("a", std::nullopt, start));
  CHECK(router.add_output_block("a", std::nullopt, start));
  CHECK(report_of(router, one).load.active_decode_blocks == 6);
  // Half done: what is its own counts half.
  CHECK(router.add_output_block("a", 0.5, start));
  CHECK(report_of(router, one).load.active_decode_blocks == 4);
  CHECK_FALSE(router.add_output_block("b", 0.5, start));
}

TEST_CASE("a request that still reports does not expire") {
  kv_router router = with_two_workers();
  choose(router, request("a", prompt));
  for (auto now = start; now < start + 1000s; now += 100s) {
    CHECK(router.expire(now) == 0);
    CHECK(router.add_output_block("a", std::nullopt, now));
  }
  CHECK(router.expire(start + 1300s) == 1);
}

// -- Freshness

TEST_CASE("partial and stale ranks are trusted less") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(7, one, start));
  router.apply_events(7, {stored(one, 1, {1, 2, 3, 4})}, start);
  CHECK(report_of(router, one).trust == 1);
  router.mark_source(7, sync_state::partial);
  CHECK(report_of(router, one).trust == 0.8);
  router.mark_source(7, sync_state::stale);
  const auto trust_at = [&](clock::time_point now) {
    return router.ranks(now).front().trust;
  };
  CHECK(trust_at(start) == 0.5);
  CHECK(trust_at(start + 30s) == Approx(0.25));
  CHECK(trust_at(start + 60s) == Approx(0.125));
}

TEST_CASE("the credit of a rank that is trusted less is smaller") {
  kv_router router = with_two_workers();
  router.apply(stored(one, 1, {1, 2, 3}), start);
  router.apply(stored(two, 1, {1, 2, 3}), start);
  router.mark(one, sync_state::partial);
  route_request wanted = request("a", prompt);
  wanted.explain = true;
  const route_choice choice = choose(router, wanted);
  CHECK(choice.rank == two);
  CHECK(choice.explanation[0].cost.credit == Approx(3 * 0.8));
  CHECK(choice.explanation[1].cost.credit == 3);
}

TEST_CASE("signs of life of a connected worker prove that it is current") {
  kv_router router = with_two_workers();
  REQUIRE(router.bind_source(7, one, start));
  router.apply_events(7, {stored(one, 1, {1})}, start);
  const auto unproven = [&](clock::time_point now) {
    return router.ranks(now).front().unproven;
  };
  CHECK(unproven(start + 5s) == 5s);
  CHECK(router.merge_load(used(1, 10), start + 5s));
  CHECK(unproven(start + 6s) == 1s);
  forward_pass_metrics pass;
  pass.worker_id = "1";
  CHECK(router.note_forward_pass(pass, start + 7s));
  CHECK(unproven(start + 8s) == 1s);
  CHECK(router.ranks(start).front().forward_pass == pass);
  // Not while its events cannot be heard.
  router.mark_source(7, sync_state::stale);
  router.merge_load(used(1, 10), start + 9s);
  CHECK(unproven(start + 9s) == 2s);
}

TEST_CASE("forward passes of strangers are ignored and counted") {
  kv_router router = with_two_workers();
  forward_pass_metrics pass;
  for (const char* name : {"9", "", "x", "18446744073709551616"}) {
    pass.worker_id = name;
    CHECK_FALSE(router.note_forward_pass(pass, start));
  }
  pass.worker_id = "1";
  pass.dp_rank = 0x1'0000'0000;
  CHECK_FALSE(router.note_forward_pass(pass, start));
  CHECK(router.counts().loads_ignored == 5);
}

// -- Prediction

TEST_CASE("without events a router predicts from its own decisions") {
  kv_router router = with_two_workers({}, cache_view::prediction);
  const route_choice first = choose(router, request("a", prompt), start, 0.7);
  CHECK(first.overlap_blocks == 0);
  CHECK(router.free("a", start));
  const route_choice again = choose(router, request("b", prompt), start, 0);
  CHECK(again.rank == first.rank);
  CHECK(again.overlap_blocks == 4);
  CHECK(report_of(router, first.rank).predicted == 4);
  router.expire(start + 121s);
  CHECK(choose(router, request("c", prompt), start + 121s).overlap_blocks == 0);
}

TEST_CASE("predict-on-route stands beside the events") {
  router_options options;
  options.prediction.beside_events_ttl = 1s;
  kv_router router = with_two_workers(options);
  router.apply(stored(one, 1, {1, 2}));
  route_request wanted = request("a", prompt);
  wanted.pinned_worker = 2;
  choose(router, wanted);
  CHECK(router.overlaps(prompt) ==
        std::vector<rank_overlap>{{one, 2, 2, 2}, {two, 4, 4, 4}});
  router.expire(start + 2s);
  CHECK(router.overlaps(prompt) == std::vector<rank_overlap>{{one, 2, 2, 2}});
}

TEST_CASE("where overlap is worth nothing no index is built") {
  router_options options;
  options.cost.overlap_score_credit = 0;
  kv_router router = with_two_workers(options);
  CHECK(router.apply(stored(one, 1, {1})) == event_outcome::applied);
  CHECK(router.overlaps(prompt).empty());
  CHECK(router.index().bytes == 0);
  CHECK(report_of(router, one).sync == sync_state::in_sync);
}

TEST_CASE("a worker that leaves takes predictions along") {
  kv_router router = with_two_workers({}, cache_view::prediction);
  choose(router, request("a", prompt), start, 0);
  router.remove_worker(1);
  CHECK(router.overlaps(prompt).empty());
  CHECK(router.index().blocks[0] == 0);
}
