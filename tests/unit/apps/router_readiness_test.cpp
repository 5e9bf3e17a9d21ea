#include "apps/router/readiness_answer.hpp"

#include <nlohmann/json.hpp>

#include "support/catch.hpp"

using namespace dynamo;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

actors::plane_status running_plane() {
  actors::plane_status plane;
  plane.running = true;
  plane.transport = transport_kind::zmq;
  plane.discovery_synced = true;
  return plane;
}

/// Two pools with 4 sources between them.
actors::router_report report_with(std::size_t in_sync) {
  actors::router_report report;
  report.pools.resize(2);
  report.pools[0].sources = 3;
  report.pools[1].sources = 1;
  report.pools[0].sources_in_sync = in_sync;
  return report;
}

readiness_options half_in_sync() {
  readiness_options options;
  options.sources_in_sync = 0.5;
  options.time_limit = 30s;
  return options;
}

} // namespace

TEST_CASE("a router is ready when enough of its sources are in sync") {
  const auto answer = apps::readiness_answer(running_plane(), report_with(2),
                                             half_in_sync(), 100ms);
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body) == json{{"status", "ready"},
                                         {"discovery_stale", false},
                                         {"sources", 4},
                                         {"in_sync", 2},
                                         {"fraction", 0.5},
                                         {"waited_ms", 100}});
}

TEST_CASE("a router with too few sources in sync says how many there are") {
  const auto answer = apps::readiness_answer(running_plane(), report_with(1),
                                             half_in_sync(), 29'999ms);
  CHECK(answer.status == 503);
  const json body = json::parse(answer.body);
  CHECK(body["error"]["code"] == "unavailable");
  CHECK(body["error"]["message"] == "1 of 4 sources are in sync");
  CHECK(body["fraction"] == 0.25);
  CHECK(body["waited_ms"] == 29'999);
}

TEST_CASE("after the time limit a router is ready whatever is in sync") {
  CHECK(apps::readiness_answer(running_plane(), report_with(0), half_in_sync(),
                               30s)
            .status == 200);
}

TEST_CASE("where there is no source, all are in sync") {
  readiness_options all;
  all.sources_in_sync = 1;
  const auto answer = apps::readiness_answer(running_plane(), {}, all, 0ms);
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body)["fraction"] == 1.0);
}

TEST_CASE("no time limit makes up for a plane that carries nothing") {
  auto plane = running_plane();
  plane.discovery_synced = false;
  CHECK(apps::readiness_answer(plane, report_with(4), {}, 1h).status == 503);
  plane = running_plane();
  plane.running = false;
  CHECK(apps::readiness_answer(plane, report_with(4), {}, 1h).status == 503);
}
