#include "apps/router/router_face.hpp"

#include "apps/router/open_calls.hpp"
#include "apps/router/openapi.hpp"
#include "apps/router/pictures.hpp"
#include "apps/router/readiness_answer.hpp"
#include "apps/router/route_body.hpp"
#include "apps/router/route_picture.hpp"
#include "apps/router/router_metrics.hpp"
#include "apps/router/worker_picture.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <utility>

namespace dynamo::apps {

namespace {

using nlohmann::json;

constexpr std::size_t requests_shown = 1000;
constexpr std::size_t requests_shown_max = 1'000'000;
/// The version that Prometheus's own libraries name.
constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

/// What all routes of one router share.
class face {
 public:
  explicit face(const router_parts& parts)
      : parts_(parts)
      , metrics_(parts.plane, parts.routing)
      , configuration_(reply(config_json(parts.configuration)))
      , started_(parts.clock.now()) {}

  http_answer route(const http_request& request);
  http_answer prefilled(const std::string& request_id);
  http_answer output_block(const http_request& request);
  http_answer ended(const std::string& request_id);
  http_answer overlap(const http_request& request) const;
  http_answer index() const;
  http_answer requests(const http_request& request) const;
  http_answer readiness() const;
  http_answer metrics() const;
  http_answer streams() const { return reply(streams_json(plane().report())); }
  http_answer configuration() const { return configuration_; }
  void stop();

  /// An answer made of the router's report and the plane's.
  template <class Picture>
  http_answer show(Picture picture) const {
    const auto report = routing().report();
    return report ? reply(picture(*report, plane().report()))
                  : refuse(report.error());
  }

 private:
  const options& settings() const { return parts_.configuration.values; }
  actors::event_plane& plane() const { return parts_.plane; }
  actors::routing& routing() const { return parts_.routing; }
  http_answer choose(const http_request& request);
  http_answer choose(route_request request);

  const router_parts parts_;
  router_metrics metrics_;
  open_calls open_;
  const http_answer configuration_;
  const clock::time_point started_;
};

http_answer noted(const result<bool>& known) {
  if (!known) {
    return refuse(known.error());
  }
  return *known ? reply(json::object())
                : refuse(404, "not_found", "request_id: not in progress");
}

/// Ends a call that is open, however it is left.
class closing_call {
 public:
  closing_call(open_calls& open, const std::string& request_id)
      : open_(open)
      , request_id_(request_id) {}
  ~closing_call() { open_.end(request_id_); }
  closing_call(const closing_call&) = delete;
  closing_call& operator=(const closing_call&) = delete;

 private:
  open_calls& open_;
  const std::string& request_id_;
};

http_answer stopping() {
  return refuse(503, to_string(errc::closed), "the router stops");
}

void face::stop() {
  open_.stop([this](const std::string& request_id) {
    // One that has just got its worker does not matter any more.
    static_cast<void>(routing().ended(request_id));
  });
}

http_answer face::route(const http_request& request) {
  const auto began = parts_.clock.now();
  http_answer answer = choose(request);
  metrics_.observe_answer(parts_.clock.now() - began);
  return answer;
}

http_answer face::choose(const http_request& request) {
  const auto explain = explain_from(request.query);
  if (!explain) {
    return refuse(explain.error());
  }
  auto asked =
      route_request_from(request.body, {settings().deployment.block_size,
                                        settings().router.request_blocks_max});
  if (!asked) {
    return refuse(asked.error());
  }
  asked->explain = *explain;
  const std::string request_id = asked->request_id;
  if (!open_.begin(request_id)) {
    return stopping();
  }
  const closing_call closing{open_, request_id};
  return choose(*std::move(asked));
}

http_answer face::choose(route_request request) {
  const std::string request_id = request.request_id;
  const auto outcome = routing().choose(std::move(request));
  if (!outcome) {
    return refuse(outcome.error());
  }
  if (const auto* refused = std::get_if<route_refusal>(&*outcome)) {
    return refused->why == refusal::cancelled && open_.stopped()
               ? stopping()
               : refuse(*refused);
  }
  const auto& where = std::get<actors::routed>(*outcome);
  metrics_.observe_choice(where.prefill ? *where.prefill : where.choice);
  return reply(to_json(where, request_id));
}

http_answer face::prefilled(const std::string& request_id) {
  return noted(routing().prefilled(request_id));
}

http_answer face::output_block(const http_request& request) {
  const auto progress = progress_from(request.body);
  return progress
             ? noted(routing().output_block(request.path.at("id"), *progress))
             : refuse(progress.error());
}

http_answer face::ended(const std::string& request_id) {
  return noted(routing().ended(request_id));
}

http_answer face::overlap(const http_request& request) const {
  const auto local =
      overlap_hashes_from(request.body, settings().router.request_blocks_max);
  return local ? reply(overlaps_json(routing().overlaps(*local)))
               : refuse(local.error());
}

http_answer face::index() const {
  const auto index = routing().index();
  if (!index) {
    return refuse(index.error());
  }
  return show([&](const auto& report, const auto&) {
    return index_json(*index, report, settings().deployment.block_size);
  });
}

http_answer face::requests(const http_request& request) const {
  const auto limit =
      limit_from(request.query, requests_shown, requests_shown_max);
  if (!limit) {
    return refuse(limit.error());
  }
  const auto pools = routing().requests();
  return pools ? reply(requests_json(*pools, *limit)) : refuse(pools.error());
}

http_answer face::readiness() const {
  const auto report = routing().report();
  const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(
      parts_.clock.now() - started_);
  return report ? readiness_answer(plane().report(), *report,
                                   settings().router.readiness, waited)
                : refuse(report.error());
}

http_answer face::metrics() const {
  return {200, metrics_.text(), metrics_type};
}

/// For a route whose body says nothing.
template <class Answer>
http_outcome without_members(const http_request& request, Answer answer) {
  const status empty = expect_no_members(request.body);
  return empty ? answer(request.path.at("id")) : refuse(empty.error());
}

using shared_face = std::shared_ptr<face>;

void add_requests(std::vector<http_route>& to, const shared_face& face) {
  const auto prefilled = [face](const std::string& request_id) {
    return face->prefilled(request_id);
  };
  const auto ended = [face](const std::string& request_id) {
    return face->ended(request_id);
  };
  to.insert(
      to.end(),
      {{http_method::post, "/route",
        [face](const http_request& request) { return face->route(request); }},
       {http_method::post, "/requests/{id}/prefill_completed",
        [prefilled](const http_request& request) {
          return without_members(request, prefilled);
        }},
       {http_method::post, "/requests/{id}/output_block",
        [face](const http_request& request) {
          return face->output_block(request);
        }},
       {http_method::erase, "/requests/{id}",
        [ended](const http_request& request) {
          return without_members(request, ended);
        }},
       {http_method::post, "/overlap", [face](const http_request& request) {
          return face->overlap(request);
        }}});
}

void add_pictures(std::vector<http_route>& to, const shared_face& face) {
  const auto show = [&](std::string path, auto picture) {
    to.push_back({http_method::get, std::move(path),
                  [face, picture](const http_request&) -> http_outcome {
                    return face->show(picture);
                  }});
  };
  show("/workers", workers_json);
  show("/counters", counters_json);
  show("/replicas", [](const actors::router_report& report, const auto&) {
    return replicas_json(report);
  });
  show("/timeline", [](const actors::router_report& report, const auto&) {
    return timeline_json(report.timeline);
  });
  to.insert(to.end(),
            {{http_method::get, "/index",
              [face](const http_request&) { return face->index(); }},
             {http_method::get, "/requests",
              [face](const http_request& request) {
                return face->requests(request);
              }},
             {http_method::get, "/streams",
              [face](const http_request&) { return face->streams(); }},
             {http_method::get, "/config",
              [face](const http_request&) { return face->configuration(); }},
             {http_method::get, "/metrics",
              [face](const http_request&) { return face->metrics(); }},
             {http_method::get, "/healthz",
              [](const http_request&) {
                return reply({{"status", "ok"}});
              }},
             {http_method::get, "/readyz",
              [face](const http_request&) { return face->readiness(); }},
             {http_method::get, "/openapi.json", [](const http_request&) {
                return http_answer{200, std::string{openapi_document()}};
              }}});
}

/// The list of all routes, itself included.
void add_list(std::vector<http_route>& to) {
  json paths = json::array({{{"method", "GET"}, {"path", "/"}}});
  for (const http_route& each : to) {
    paths.push_back({{"method", to_string(each.method)}, {"path", each.path}});
  }
  to.push_back({http_method::get, "/",
                [list = reply({{"description", "/openapi.json"},
                               {"paths", std::move(paths)}})](
                    const http_request&) { return list; }});
}

} // namespace

router_face make_router_face(const router_parts& parts) {
  const auto shared = std::make_shared<face>(parts);
  router_face made;
  add_requests(made.routes, shared);
  add_pictures(made.routes, shared);
  add_list(made.routes);
  made.stop = [shared] { shared->stop(); };
  return made;
}

} // namespace dynamo::apps
