#include "apps/app/application.hpp"
#include "apps/app/http_face.hpp"
#include "apps/router/flags.hpp"
#include "apps/router/pictures.hpp"
#include "apps/router/router_face.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace dynamo::apps {

namespace {

program self() {
  program self;
  self.name = "dynamo-router";
  self.summary = "Sends each request to the worker that holds its prefix.";
  self.examples =
      "  NATS_SERVER=localhost:4222 dynamo-router --discovery file\n"
      "  dynamo-router --event-plane zmq --discovery file\n"
      "  dynamo-router --config router.jsonc --http 127.0.0.1:8200 --json\n"
      "  curl -H 'Content-Type: application/json' \\\n"
      "    -d '{\"request_id\":\"a\",\"tokens\":[1,2,3]}' \\\n"
      "    http://127.0.0.1:8200/route\n";
  self.flags = router_flags();
  return self;
}

/// A line for people: "worker 4711 joined http://127.0.0.1:8100".
std::string text_of(const actors::timeline_entry& entry) {
  std::string text = entry.what;
  if (entry.worker_id != 0) {
    text += " worker " + std::to_string(entry.worker_id);
  }
  if (entry.publisher_id != 0) {
    text += " publisher " + std::to_string(entry.publisher_id);
  }
  return entry.detail.empty() ? text : text + " " + entry.detail;
}

status serve(application& app) {
  const options& settings = app.settings();
  for (const std::string& remark : without_effect(app.configuration())) {
    app.log().info("{}", remark);
  }
  auto plane = actors::event_plane::start(settings.plane, app.log_sink(),
                                          app.stop_check());
  if (!plane) {
    return plane.error();
  }
  actors::router_plan plan;
  plan.owner =
      scope::of_endpoint(settings.deployment.ns, settings.deployment.component,
                         settings.deployment.endpoint);
  plan.options = settings.router;
  plan.block_size = settings.deployment.block_size;
  plan.kv_events = settings.deployment.kv_events;
  plan.on_timeline = [&app](const actors::timeline_entry& entry) {
    auto fields = to_json(entry);
    fields.erase("event");
    fields.erase("time_ms");
    app.out().event(entry.what, fields, text_of(entry));
  };
  actors::routing routing{**plane, std::move(plan)};

  router_face spoken =
      make_router_face({**plane, routing, app.configuration(), app.clock()});
  auto face = http_face::start(settings.http, std::move(spoken.routes));
  if (!face) {
    return face.error();
  }
  app.started(
      {{"http", (*face)->address()}, {"router_id", (*plane)->instance_id()}});
  app.wait_for_stop();
  spoken.stop();
  (*face)->stop();
  (*plane)->stop();
  return ok();
}

} // namespace

} // namespace dynamo::apps

int main(int argc, char** argv) {
  return dynamo::apps::run(dynamo::apps::self(), argc, argv,
                           dynamo::apps::serve);
}
