#include "apps/router/router_face.hpp"

#include "apps/app/json_body.hpp"
#include "apps/app/prompt.hpp"
#include "apps/router/pictures.hpp"

#include <nlohmann/json.hpp>

#include <limits>
#include <string>

namespace dynamo::apps {

namespace {

using nlohmann::json;

http_answer refusal(const error& reason) {
  switch (reason.code) {
  case errc::too_large:
    return refuse(413, reason.message);
  case errc::not_found:
    return refuse(404, reason.message);
  case errc::unavailable:
  case errc::closed:
    return refuse(503, reason.message);
  default:
    return refuse(400, reason.message);
  }
}

http_answer route(actors::routing& routing, std::uint32_t block_size,
                  const json& body) {
  const auto request_id = text_of(body, "request_id");
  if (!request_id) {
    return refusal(request_id.error());
  }
  auto prompt = prompt_of(body, block_size);
  if (!prompt) {
    return refusal(prompt.error());
  }
  const auto output =
      optional_integer_of(body, "expected_output_tokens",
                          std::numeric_limits<std::uint32_t>::max());
  if (!output) {
    return refusal(output.error());
  }
  actors::route_query query{
      *request_id, std::move(prompt->local), prompt->tokens, {}};
  if (*output) {
    query.expected_output_tokens = static_cast<std::uint32_t>(**output);
  }
  const auto choice = routing.choose(query);
  return choice ? reply(to_json(*choice, *request_id))
                : refusal(choice.error());
}

/// What /prefilled and /ended answer.
template <class Note>
http_answer note(const json& body, Note tell) {
  const auto request_id = text_of(body, "request_id");
  if (!request_id) {
    return refusal(request_id.error());
  }
  const result<bool> known = tell(*request_id);
  if (!known) {
    return refusal(known.error());
  }
  return *known ? reply(json::object())
                : refuse(404, "request_id: not in progress");
}

http_answer overlap(actors::routing& routing, std::size_t blocks_max,
                    const json& body) {
  const auto local =
      integers_of(body, "block_hashes",
                  std::numeric_limits<std::uint64_t>::max(), blocks_max);
  if (!local) {
    return refusal(local.error());
  }
  const auto overlaps = routing.overlaps(*local);
  return overlaps ? reply(overlaps_json(*overlaps)) : refusal(overlaps.error());
}

/// An answer made of the router's report and the plane's.
template <class Picture>
http_answer show(actors::event_plane& plane, actors::routing& routing,
                 Picture picture) {
  const auto report = routing.report();
  return report ? reply(picture(*report, plane.report()))
                : refusal(report.error());
}

http_answer readiness(actors::event_plane& plane) {
  const auto report = plane.report();
  if (const status ready = readiness_of(report); !ready) {
    return refuse(503, ready.error().message);
  }
  if (!report.discovery_synced) {
    return refuse(503, "discovery has not shown its first picture yet");
  }
  return reply(
      {{"status", "ready"}, {"discovery_stale", report.discovery_stale}});
}

} // namespace

std::vector<http_route> router_routes(actors::event_plane& plane,
                                      actors::routing& routing,
                                      const options& settings) {
  const std::uint32_t block_size = settings.deployment.block_size;
  const std::size_t blocks_max = settings.router.request_blocks_max;
  return {
      {http_method::post, "/route", on_json([&, block_size](const json& body) {
         return http_outcome{route(routing, block_size, body)};
       })},
      {http_method::post, "/prefilled", on_json([&](const json& body) {
         return http_outcome{
             note(body, [&](const auto& id) { return routing.prefilled(id); })};
       })},
      {http_method::post, "/ended", on_json([&](const json& body) {
         return http_outcome{
             note(body, [&](const auto& id) { return routing.ended(id); })};
       })},
      {http_method::post, "/overlap",
       on_json([&, blocks_max](const json& body) {
         return http_outcome{overlap(routing, blocks_max, body)};
       })},
      {http_method::get, "/workers",
       [&](std::string_view) { return show(plane, routing, workers_json); }},
      {http_method::get, "/counters",
       [&](std::string_view) { return show(plane, routing, counters_json); }},
      {http_method::get, "/index",
       [&, block_size](std::string_view) -> http_outcome {
         const auto index = routing.index();
         return index ? reply(index_json(*index, block_size))
                      : refusal(index.error());
       }},
      {http_method::get, "/streams",
       [&](std::string_view) { return reply(streams_json(plane.report())); }},
      {http_method::get, "/timeline",
       [&](std::string_view) -> http_outcome {
         const auto report = routing.report();
         return report ? reply(timeline_json(report->timeline))
                       : refusal(report.error());
       }},
      {http_method::get, "/healthz",
       [](std::string_view) {
         return reply({{"status", "ok"}});
       }},
      {http_method::get, "/readyz",
       [&](std::string_view) { return readiness(plane); }},
  };
}

} // namespace dynamo::apps
