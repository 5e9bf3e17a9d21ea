#include "apps/router/readiness_answer.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace dynamo::apps {

namespace {

using nlohmann::json;

struct source_count {
  std::size_t all = 0;
  std::size_t in_sync = 0;

  double fraction() const {
    return all == 0 ? 1
                    : static_cast<double>(in_sync) / static_cast<double>(all);
  }
};

source_count count_sources(const actors::router_report& report) {
  source_count sources;
  for (const actors::pool_report& pool : report.pools) {
    sources.all += pool.sources;
    sources.in_sync += pool.sources_in_sync;
  }
  return sources;
}

/// A sentence, or nothing.
std::string missing(const actors::plane_status& plane,
                    const source_count& sources,
                    const readiness_options& options,
                    std::chrono::milliseconds waited) {
  if (const status ready = actors::readiness_of(plane); !ready) {
    return ready.error().message;
  }
  if (!plane.discovery_synced) {
    return "discovery has not shown its first picture yet";
  }
  if (sources.fraction() < options.sources_in_sync &&
      waited < options.time_limit) {
    return std::to_string(sources.in_sync) + " of " +
           std::to_string(sources.all) + " sources are in sync";
  }
  return {};
}

} // namespace

http_answer readiness_answer(const actors::plane_status& plane,
                             const actors::router_report& report,
                             const readiness_options& options,
                             std::chrono::milliseconds waited) {
  const source_count sources = count_sources(report);
  json body{{"sources", sources.all},
            {"in_sync", sources.in_sync},
            {"fraction", sources.fraction()},
            {"waited_ms", waited.count()}};
  const std::string reason = missing(plane, sources, options, waited);
  if (reason.empty()) {
    body["status"] = "ready";
    body["discovery_stale"] = plane.discovery_stale;
    return reply(body);
  }
  body["error"] = {{"code", "unavailable"}, {"message", reason}};
  http_answer answer = reply(body);
  answer.status = 503;
  return answer;
}

} // namespace dynamo::apps
