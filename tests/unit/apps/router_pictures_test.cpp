#include "apps/router/pictures.hpp"
#include "apps/router/worker_picture.hpp"
#include "dynamo/events/topic.hpp"

#include <nlohmann/json.hpp>

#include <limits>
#include <string>

#include "support/catch.hpp"

using namespace dynamo;
using nlohmann::json;

namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

rank_report rank_of(std::uint64_t worker_id, std::uint32_t dp_rank,
                    sync_state sync) {
  rank_report rank;
  rank.rank = {worker_id, dp_rank};
  rank.member = true;
  rank.endpoint = "http://10.0.0.1:8100";
  rank.sync = sync;
  rank.publisher_id = 100 + dp_rank;
  rank.blocks = {5, 2, 0, 0};
  rank.load.active_requests = 3;
  return rank;
}

actors::stream_status stream_of(std::uint64_t publisher_id,
                                connection_state connection) {
  actors::stream_status stream;
  stream.publisher_id = publisher_id;
  stream.connection = connection;
  stream.discovered = true;
  stream.counts.next_sequence = 12;
  stream.counts.missed = 2;
  stream.last_event_age = std::chrono::milliseconds{250};
  return stream;
}

actors::plane_status plane_with(std::string_view topic,
                                std::vector<actors::stream_status> streams) {
  actors::plane_status plane;
  actors::subscription_status subscription;
  subscription.owner = scope::of_endpoint("dynamo", "backend", "generate");
  subscription.topic = topic;
  subscription.streams = std::move(streams);
  plane.subscriptions.push_back(std::move(subscription));
  return plane;
}

/// A report of one pool.
actors::router_report report_of(std::vector<rank_report> ranks,
                                pool_role role = pool_role::both) {
  actors::router_report report;
  report.pools.emplace_back();
  report.pools[0].owner = scope::of_endpoint("dynamo", "backend", "generate");
  report.pools[0].role = role;
  report.pools[0].ranks = std::move(ranks);
  return report;
}

} // namespace

TEST_CASE("the picture of workers has one row for each, with its ranks") {
  const auto report = report_of({rank_of(7, 0, sync_state::in_sync),
                                 rank_of(7, 1, sync_state::in_sync),
                                 rank_of(8, 0, sync_state::waiting)});
  const json workers = apps::workers_json(report, {})["workers"];
  REQUIRE(workers.size() == 2);
  CHECK(workers[0]["worker_id"] == 7);
  CHECK(workers[0]["endpoint"] == "http://10.0.0.1:8100");
  CHECK(workers[0]["discovered"] == true);
  CHECK(workers[0]["blocks"] == 14);
  CHECK(workers[0]["active_requests"] == 6);
  CHECK(workers[0]["ranks"].size() == 2);
  CHECK(workers[1]["ranks"][0]["state"] == "waiting");
}

TEST_CASE("a worker is as doubtful as the most doubtful of its ranks") {
  const auto worse =
      GENERATE(sync_state::waiting, sync_state::partial, sync_state::stale);
  const auto report =
      report_of({rank_of(7, 0, sync_state::in_sync), rank_of(7, 1, worse),
                 rank_of(7, 2, sync_state::in_sync)});
  const json workers = apps::workers_json(report, {})["workers"];
  CHECK(workers[0]["state"] == to_string(worse));
}

TEST_CASE("a rank shows the stream that its kv-events come by") {
  const auto report = report_of({rank_of(7, 0, sync_state::in_sync)});
  const auto plane = plane_with(topics::kv_events,
                                {stream_of(100, connection_state::connected)});
  const json worker = apps::workers_json(report, plane)["workers"][0];
  CHECK(worker["connected"] == true);
  const json& rank = worker["ranks"][0];
  CHECK(rank["discovered"] == true);
  CHECK(rank["sequence"] == 12);
  CHECK(rank["missed"] == 2);
  CHECK(rank["last_event_age_ms"] == 250);
}

TEST_CASE("a worker is connected only when all of its ranks are") {
  const auto report = report_of(
      {rank_of(7, 0, sync_state::in_sync), rank_of(7, 1, sync_state::in_sync)});
  const auto first = stream_of(100, connection_state::connected);
  const auto plane_of = [&](connection_state second) {
    return plane_with(topics::kv_events, {first, stream_of(101, second)});
  };
  const auto connected = [&](const actors::plane_status& plane) {
    return apps::workers_json(report, plane)["workers"][0]["connected"];
  };
  CHECK(connected(plane_of(connection_state::connected)) == true);
  CHECK(connected(plane_of(connection_state::lost)) == false);
  CHECK(connected(plane_with(topics::kv_events, {first})) == false);
}

TEST_CASE("a stream of another topic is not taken for a rank's") {
  const auto report = report_of({rank_of(7, 0, sync_state::in_sync)});
  const auto plane = plane_with(topics::kv_metrics,
                                {stream_of(100, connection_state::connected)});
  const json worker = apps::workers_json(report, plane)["workers"][0];
  CHECK(worker["connected"] == false);
  CHECK(worker["ranks"][0]["last_event_age_ms"].is_null());
}

TEST_CASE("what is not known of a rank is null") {
  rank_report unknown;
  unknown.rank = {7, 0};
  const auto report = report_of({unknown});
  const json worker = apps::workers_json(report, {})["workers"][0];
  CHECK(worker["endpoint"].is_null());
  const json& rank = worker["ranks"][0];
  for (const char* member :
       {"publisher_id", "last_event_id", "kv_used_blocks", "last_event_age_ms",
        "unproven_ms", "reported", "forward_pass"}) {
    CAPTURE(member);
    CHECK(rank.at(member).is_null());
  }
}

TEST_CASE("a rank shows how far it can be trusted, and what it does") {
  rank_report rank = rank_of(7, 0, sync_state::partial);
  rank.trust = 0.8;
  rank.unproven = std::chrono::milliseconds{1500};
  rank.orphans_held = 3;
  rank.evicted = 4;
  rank.bytes = 1000;
  rank.predicted = 6;
  rank.gaps = 1;
  rank.missed = 2;
  rank.contested = true;
  rank.overloaded = true;
  rank.load.expected_output_tokens = 64;
  rank.capacity.kv_total_blocks = 4096;
  rank.reported = active_load{7, 0, 11, std::nullopt, 12};
  rank.forward_pass.emplace();
  rank.forward_pass->counter_id = 9;
  rank.forward_pass->scheduled.num_decode_requests = 5;
  const json worker = apps::workers_json(report_of({rank}), {})["workers"][0];
  CHECK(worker["overloaded"] == true);
  const json& shown = worker["ranks"][0];
  CHECK(shown["trust"] == 0.8);
  CHECK(shown["unproven_ms"] == 1500);
  CHECK(shown["orphans_held"] == 3);
  CHECK(shown["evicted"] == 4);
  CHECK(shown["bytes"] == 1000);
  CHECK(shown["predicted_blocks"] == 6);
  CHECK(shown["event_gaps"] == 1);
  CHECK(shown["events_missed"] == 2);
  CHECK(shown["contested"] == true);
  CHECK(shown["expected_output_tokens"] == 64);
  CHECK(shown["capacity"] ==
        json{{"kv_total_blocks", 4096}, {"max_num_batched_tokens", nullptr}});
  CHECK(shown["kv_used_blocks"] == 12);
  CHECK(shown["reported"] == json{{"active_decode_blocks", 11},
                                  {"active_prefill_tokens", nullptr},
                                  {"kv_used_blocks", 12}});
  CHECK(shown["forward_pass"]["counter_id"] == 9);
  CHECK(shown["forward_pass"]["scheduled"]["num_decode_requests"] == 5);
}

TEST_CASE("workers of two pools are told apart") {
  auto report =
      report_of({rank_of(7, 0, sync_state::in_sync)}, pool_role::decode);
  report.pools.push_back(
      report_of({rank_of(7, 0, sync_state::in_sync)}, pool_role::prefill)
          .pools[0]);
  const json workers = apps::workers_json(report, {})["workers"];
  REQUIRE(workers.size() == 2);
  CHECK(workers[0]["pool"] == "decode");
  CHECK(workers[1]["pool"] == "prefill");
}

TEST_CASE("the picture of streams names each subscription") {
  auto stream = stream_of(largest, connection_state::lost);
  stream.state = actors::stream_state::stale;
  const json all = apps::streams_json(plane_with(topics::kv_events, {stream}));
  const json& subscription = all["subscriptions"][0];
  CHECK(subscription["scope"] == "dynamo/backend/generate");
  CHECK(subscription["topic"] == "kv-events");
  CHECK(subscription["inbox"]["depth"] == 0);
  CHECK(subscription["streams"][0]["publisher_id"] == largest);
  CHECK(subscription["streams"][0]["connection"] == "lost");
  CHECK(subscription["streams"][0]["state"] == "stale");
}

TEST_CASE("the picture of the index keeps 64-bit hashes and tells tiers") {
  actors::rank_blocks held;
  held.rank = rank_of(7, 1, sync_state::partial);
  held.blocks = {{1, 101, {}, storage_tier::device},
                 {largest, largest, 1, storage_tier::device},
                 {3, 103, 1, storage_tier::disk}};
  auto report = report_of({});
  report.pools[0].index.blocks = {8, 2, 0, 0};
  report.pools[0].index.bytes = 400;
  const json index = apps::index_json({held}, report, 16);
  CHECK(index["block_size"] == 16);
  CHECK(index["blocks"] == 10);
  CHECK(index["bytes"] == 400);
  CHECK(index["bytes_per_block"] == 40.0);
  CHECK(apps::index_json({}, {}, 16)["bytes_per_block"].is_null());
  const json& rank = index["ranks"][0];
  CHECK(rank["worker_id"] == 7);
  CHECK(rank["dp_rank"] == 1);
  CHECK(rank["state"] == "partial");
  CHECK(rank["device"] == json::parse("[[1,101,null],[18446744073709551615,"
                                      "18446744073709551615,1]]"));
  CHECK(rank["host_pinned"] == json::array());
  CHECK(rank["disk"] == json::parse("[[3,103,1]]"));
}

TEST_CASE("a timeline entry leaves out what it is not about") {
  CHECK(apps::to_json(actors::timeline_entry{5, "worker_left", 7, 0, ""}) ==
        json{{"time_ms", 5}, {"event", "worker_left"}, {"worker_id", 7}});
  CHECK(apps::to_json(actors::timeline_entry{6, "stream_gap", 0, 100, "2"}) ==
        json{{"time_ms", 6},
             {"event", "stream_gap"},
             {"publisher_id", 100},
             {"detail", "2"}});
  CHECK(apps::timeline_json({})["timeline"] == json::array());
}

TEST_CASE("requests are shown with who booked them, up to a limit") {
  booked_request own;
  own.request.request_id = "a";
  own.request.rank = {7, 1};
  own.request.router_id = 99;
  own.request.sequence = {1, 2, 3};
  own.request.prefill_tokens = 48;
  own.age = std::chrono::milliseconds{1234};
  own.output_blocks = 2;
  booked_request other = own;
  other.request.request_id = "b";
  other.request.router_id = 98;
  other.request.sequence.reset();
  other.prefill_completed = true;
  const actors::pool_requests pool{
      scope::of_endpoint("dynamo", "backend", "generate"), 99, {own, other}};
  const json shown = apps::requests_json({pool, pool}, 3);
  CHECK(shown["total"] == 4);
  REQUIRE(shown["requests"].size() == 3);
  CHECK(shown["requests"][0] == json{{"request_id", "a"},
                                     {"worker_id", 7},
                                     {"dp_rank", 1},
                                     {"scope", "dynamo/backend/generate"},
                                     {"router_id", 99},
                                     {"own", true},
                                     {"age_ms", 1234},
                                     {"prefill_completed", false},
                                     {"prefill_tokens", 48},
                                     {"blocks", 3},
                                     {"output_blocks", 2},
                                     {"expected_output_tokens", nullptr},
                                     {"lora_name", nullptr}});
  CHECK(shown["requests"][1]["own"] == false);
  CHECK(shown["requests"][1]["blocks"].is_null());
  CHECK(shown["requests"][1]["prefill_completed"] == true);
  CHECK(apps::requests_json({pool}, 0)["requests"] == json::array());
}

TEST_CASE("the picture of replicas says who is heard and whether we agree") {
  auto report = report_of({});
  report.pools[0].members = 4;
  report.pools[0].parked = 2;
  report.pools[0].sequence_gaps = 1;
  report.pools[0].replicas.push_back(
      {98, 3, std::chrono::milliseconds{250}, true, false});
  CHECK(apps::replicas_json(report) ==
        json{{"pools",
              {{{"pool", "both"},
                {"scope", "dynamo/backend/generate"},
                {"members", 4},
                {"parked", 2},
                {"sequence_gaps", 1},
                {"replicas",
                 {{{"router_id", 98},
                   {"requests", 3},
                   {"silence_ms", 250},
                   {"summarises", true},
                   {"agrees", false}}}}}}}});
}

TEST_CASE("the counters are those of all pools and of the plane") {
  auto report = report_of({});
  report.pools.push_back(report.pools[0]);
  report.pools[0].counts.applied = 10;
  report.pools[1].counts.applied = 5;
  report.pools[0].counts.superseded = 3;
  report.pools[1].counts.chosen = 4;
  report.pools[0].counts.queue.timed_out = 2;
  report.pools[0].index.bytes = 100;
  report.pools[1].index.bytes = 50;
  actors::plane_status plane;
  plane.receiver.accepted = 20;
  plane.restarts = 1;
  const json counters = apps::counters_json(report, plane);
  CHECK(counters["events"]["applied"] == 15);
  CHECK(counters["events"]["superseded"] == 3);
  CHECK(counters["requests_chosen"] == 4);
  CHECK(counters["queue"]["timed_out"] == 2);
  CHECK(counters["index"]["bytes"] == 150);
  CHECK(counters["receiver"]["accepted"] == 20);
  CHECK(counters["restarts"] == 1);
}

TEST_CASE("the configuration is shown with origins and without secrets") {
  load_request request;
  request.flags.push_back({"--http", "http.port", "8200"});
  request.variables = [](std::string_view name) -> std::optional<std::string> {
    if (name == "NATS_AUTH_TOKEN") {
      return "hunter2";
    }
    return std::nullopt;
  };
  const auto loaded = load_options(request);
  REQUIRE(loaded);
  const json config = apps::config_json(*loaded);
  CHECK(config["options"]["http"]["port"] == 8200);
  CHECK(config["options"]["block_size"] == 16);
  CHECK(config["origins"]["http.port"] == "flag --http");
  CHECK(config["origins"]["block_size"] == "default");
  CHECK_THAT(config.dump(), !Catch::Matchers::Contains("hunter2"));
}
