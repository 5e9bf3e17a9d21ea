#include "apps/router/count_rows.hpp"
#include "apps/router/metric_families.hpp"
#include "dynamo/events/topic.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <set>
#include <string>

#include "support/catch.hpp"

using namespace dynamo;
using Catch::Matchers::Contains;

namespace {

actors::router_report sample_report() {
  actors::router_report report;
  report.pools.resize(2);
  report.pools[0].owner = scope::of_endpoint("dynamo", "backend", "generate");
  report.pools[0].role = pool_role::decode;
  report.pools[1].owner = scope::of_endpoint("dynamo", "prefill", "generate");
  report.pools[1].role = pool_role::prefill;
  rank_report rank;
  rank.rank = {7, 1};
  rank.member = true;
  rank.publisher_id = 100;
  rank.load.active_decode_blocks = 12;
  rank.blocks = {5, 2, 0, 0};
  report.pools[0].ranks.push_back(rank);
  return report;
}

std::string text_of(const actors::router_report& report,
                    const actors::plane_status& plane = {}) {
  return prometheus::TextSerializer{}.Serialize(
      apps::metric_families(report, plane));
}

} // namespace

TEST_CASE("metrics have Dynamo's names where Dynamo has one") {
  auto report = sample_report();
  report.pools[0].counts.stored = 3;
  report.pools[0].counts.parent_unknown = 2;
  report.pools[1].counts.chosen = 4;
  report.pools[1].parked = 5;
  const std::string text = text_of(report);
  for (const char* line :
       {R"(dynamo_kvrouter_kv_cache_events_applied{event_type="stored",)"
        R"(status="ok",worker_type="decode"} 3)",
        R"(dynamo_component_kv_cache_events_applied{event_type="stored",)"
        R"(status="parent_block_not_found",worker_type="decode"} 2)",
        R"(dynamo_component_router_requests_total{worker_type="prefill"} 4)",
        R"(dynamo_frontend_router_queue_pending_requests)"
        R"({worker_type="prefill"} 5)",
        R"(dynamo_frontend_worker_active_decode_blocks{worker_id="7",)"
        R"(dp_rank="1",worker_type="decode"} 12)",
        R"(dynamo_component_router_worker_registered{router_worker_id="7",)"
        R"(dp_rank="1",worker_type="decode"} 1)"}) {
    CHECK_THAT(text, Contains(line));
  }
}

TEST_CASE("metrics tell what arrives of each topic") {
  actors::plane_status plane;
  actors::stream_status stream;
  stream.connection = connection_state::connected;
  stream.counts.received = 20;
  stream.counts.missed = 3;
  for (const auto topic : {topics::kv_events, topics::active_sequences}) {
    actors::subscription_status subscription;
    subscription.topic = topic;
    subscription.streams = {stream};
    plane.subscriptions.push_back(subscription);
  }
  plane.receiver.bad_frame = 6;
  const std::string text = text_of({}, plane);
  for (const char* line :
       {R"(dynamo_component_router_kv_zmq_ingress_sources{state="active"} 1)",
        R"(dynamo_component_router_kv_zmq_ingress_sources{state="lost"} 0)",
        "dynamo_component_router_kv_zmq_ingress_batches_total 20",
        "dynamo_component_router_active_sequence_zmq_ingress_sources 1",
        "dynamo_component_router_active_sequence_zmq_ingress_sequence_gaps_"
        "total 3",
        R"(dynamo_events_router_receiver_refused_total{reason="frame"} 6)"}) {
    CHECK_THAT(text, Contains(line));
  }
}

TEST_CASE("workers whose source is missing or ambiguous are counted") {
  auto report = sample_report();
  rank_report rank = report.pools[0].ranks[0];
  rank.rank = {8, 0};
  rank.publisher_id.reset();
  report.pools[0].ranks.push_back(rank);
  rank.rank = {9, 0};
  rank.publisher_id = 101;
  rank.contested = true;
  report.pools[0].ranks.push_back(rank);
  CHECK_THAT(text_of(report),
             Contains(R"(mismatch_workers{worker_type="decode",)"
                      R"(target_namespace="dynamo",target_component="backend",)"
                      R"(target_endpoint="generate"} 2)"));
}

TEST_CASE("every count of a router is a metric, and has a name of its own") {
  std::set<std::string> names;
  for (const auto& family : apps::metric_families(sample_report(), {})) {
    CAPTURE(family.name);
    CHECK(names.insert(family.name).second);
    CHECK_FALSE(family.help.empty());
    const bool counts = family.type == prometheus::MetricType::Counter;
    // Dynamo's own name is the exception.
    CHECK((counts == family.name.ends_with("_total") ||
           family.name.ends_with("kv_cache_events_applied")));
  }
  for (const apps::count_row& row : apps::count_rows()) {
    const std::string start = "dynamo_events_router_" + std::string{row.group} +
                              (row.name.empty() ? "" : "_") +
                              std::string{row.name};
    CAPTURE(start);
    CHECK((names.contains(start) || names.contains(start + "_total")));
  }
}

TEST_CASE("metrics of ranks are bounded, their number is told") {
  auto report = sample_report();
  const rank_report one = report.pools[0].ranks[0];
  report.pools[0].ranks.assign(apps::metric_ranks_max, one);
  report.pools[1].ranks.assign(5, one);
  for (const auto& family : apps::metric_families(report, {})) {
    CHECK(family.metric.size() <= apps::metric_ranks_max);
    if (family.name == "dynamo_events_router_ranks") {
      CHECK(family.metric.at(0).gauge.value == apps::metric_ranks_max + 5);
    }
  }
}
