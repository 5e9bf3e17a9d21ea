#include "apps/router/pictures.hpp"
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

} // namespace

TEST_CASE("the picture of workers has one row for each, with its ranks") {
  actors::router_report report;
  report.ranks = {rank_of(7, 0, sync_state::in_sync),
                  rank_of(7, 1, sync_state::in_sync),
                  rank_of(8, 0, sync_state::waiting)};
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
  actors::router_report report;
  report.ranks = {rank_of(7, 0, sync_state::in_sync), rank_of(7, 1, worse),
                  rank_of(7, 2, sync_state::in_sync)};
  const json workers = apps::workers_json(report, {})["workers"];
  CHECK(workers[0]["state"] == to_string(worse));
}

TEST_CASE("a rank shows the stream that its kv-events come by") {
  actors::router_report report;
  report.ranks = {rank_of(7, 0, sync_state::in_sync)};
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
  actors::router_report report;
  report.ranks = {rank_of(7, 0, sync_state::in_sync),
                  rank_of(7, 1, sync_state::in_sync)};
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
  actors::router_report report;
  report.ranks = {rank_of(7, 0, sync_state::in_sync)};
  const auto plane = plane_with(topics::kv_metrics,
                                {stream_of(100, connection_state::connected)});
  const json worker = apps::workers_json(report, plane)["workers"][0];
  CHECK(worker["connected"] == false);
  CHECK(worker["ranks"][0]["last_event_age_ms"].is_null());
}

TEST_CASE("what is not known of a rank is null") {
  actors::router_report report;
  report.ranks.emplace_back();
  report.ranks[0].rank = {7, 0};
  const json worker = apps::workers_json(report, {})["workers"][0];
  CHECK(worker["endpoint"].is_null());
  const json& rank = worker["ranks"][0];
  for (const char* member : {"publisher_id", "last_event_id", "kv_used_blocks",
                             "last_event_age_ms"}) {
    CAPTURE(member);
    CHECK(rank.at(member).is_null());
  }
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
  const json index = apps::index_json({held}, 16);
  CHECK(index["block_size"] == 16);
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

TEST_CASE("a choice says where, how much is cached, and why") {
  route_choice choice;
  choice.rank = {7, 1};
  choice.endpoint = "http://10.0.0.1:8100";
  choice.overlap_blocks = 12;
  choice.request_blocks = 14;
  choice.candidates = 4;
  choice.cost.total = 2.5;
  choice.reason = "cheapest of 4 ranks";
  CHECK(apps::to_json(choice, "a") == json{{"request_id", "a"},
                                           {"worker_id", 7},
                                           {"dp_rank", 1},
                                           {"endpoint", "http://10.0.0.1:8100"},
                                           {"overlap_blocks", 12},
                                           {"request_blocks", 14},
                                           {"candidates", 4},
                                           {"cost", 2.5},
                                           {"reason", "cheapest of 4 ranks"}});
}

TEST_CASE("overlaps are shown rank by rank and tier by tier") {
  CHECK(apps::overlaps_json({{{7, 1}, 4, 5, 6}})["scores"] ==
        json::parse(R"([{"worker_id":7,"dp_rank":1,"device":4,"host":5,
                         "disk":6}])"));
}

TEST_CASE("the counters are those of the router and of the plane") {
  actors::router_report report;
  report.counts.applied = 10;
  report.counts.superseded = 3;
  report.counts.chosen = 4;
  actors::plane_status plane;
  plane.receiver.accepted = 20;
  plane.restarts = 1;
  const json counters = apps::counters_json(report, plane);
  CHECK(counters["events"]["applied"] == 10);
  CHECK(counters["events"]["superseded"] == 3);
  CHECK(counters["requests_chosen"] == 4);
  CHECK(counters["receiver"]["accepted"] == 20);
  CHECK(counters["restarts"] == 1);
}
