#include "apps/app/application.hpp"
#include "apps/events/commands.hpp"

namespace dynamo::apps {

namespace {

program self(commands& given) {
  program self;
  self.name = "dynamo-events";
  self.summary = "Looks into an event plane, and speaks in it.";
  self.examples =
      "  dynamo-events list --discovery file\n"
      "  NATS_SERVER=localhost:4222 dynamo-events tail --discovery file\n"
      "  dynamo-events tail --event-plane zmq --discovery file\n"
      "  dynamo-events publish kv_metrics '{\"worker_id\": 7}'\n"
      "  dynamo-events decode 010000005885ac7075626c6973...\n"
      "  dynamo-events COMMAND --help says more. The flags above may stand\n"
      "  behind the command, too.\n";
  self.http = http_face_use::none;
  self.add_arguments = [&given](CLI::App& app) { add_commands(app, given); };
  return self;
}

status run_command(application& app, const commands& given) {
  if (!given.chosen) {
    return error{errc::invalid, "a command is missing: list, tail, publish "
                                "or decode (see --help)"};
  }
  switch (*given.chosen) {
  case commands::kind::list:
    return run_list(app, given.list);
  case commands::kind::tail:
    return run_tail(app, given.tail);
  case commands::kind::publish:
    return run_publish(app, given.publish);
  case commands::kind::decode:
    return run_decode(app, given.decode);
  }
  return ok();
}

} // namespace

result<scope> scope_or_default(const std::string& text,
                               const application& app) {
  if (!text.empty()) {
    return scope_from(text);
  }
  const deployment_options& place = app.settings().deployment;
  return scope::of_endpoint(place.ns, place.component, place.endpoint);
}

} // namespace dynamo::apps

int main(int argc, char** argv) {
  using namespace dynamo::apps;
  commands given;
  return run(self(given), argc, argv,
             [&given](application& app) { return run_command(app, given); });
}
