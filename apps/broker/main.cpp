#include "apps/app/application.hpp"
#include "apps/app/http_face.hpp"
#include "apps/broker/broker_face.hpp"
#include "apps/broker/broker_record.hpp"
#include "dynamo/base/ids.hpp"
#include "dynamo/discovery/open.hpp"
#include "dynamo/transport/zmq_broker.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr std::chrono::milliseconds register_interval{200};

program self() {
  program self;
  self.name = "dynamo-broker";
  self.summary = "Passes events of ZMQ publishers on to subscribers.";
  self.examples =
      "  dynamo-broker --discovery file\n"
      "  dynamo-broker --no-register --xsub-bind 'tcp://127.0.0.1:*' \\\n"
      "    --xpub-bind 'tcp://127.0.0.1:*' --json\n";
  self.flags = {
      {"--xsub-bind", "broker.xsub_bind", "ENDPOINT",
       "Where publishers connect"},
      {"--xpub-bind", "broker.xpub_bind", "ENDPOINT",
       "Where subscribers connect"},
      {"--no-register", "broker.registered", "", "Be in no discovery", "false"},
  };
  return self;
}

/// The broker's record and the store that holds it; nothing when it is in
/// none.
struct registration {
  std::unique_ptr<discovery> store;
  event_channel record;
};

result<registration> registration_of(application& app,
                                     const zmq_broker& served) {
  const options& settings = app.settings();
  if (settings.plane.discovery.backend == discovery_kind::memory) {
    return error{errc::unsupported,
                 "discovery: mem is known within its own process only; set "
                 "--no-register"};
  }
  const auto interfaces = list_interface_addresses();
  if (!interfaces) {
    return interfaces.error();
  }
  auto record =
      broker_record(settings, {served.xsub_endpoint(), served.xpub_endpoint()},
                    *interfaces, random_publisher_id());
  if (!record) {
    return record.error();
  }
  auto store = make_discovery(
      settings.plane.discovery,
      [&app](const std::string& text) { app.log().warn("{}", text); },
      app.stop_check());
  if (!store) {
    return store.error();
  }
  return registration{*std::move(store), *std::move(record)};
}

/// Puts the record; a store that cannot be reached is waited for.
status enter(application& app, registration& own) {
  bool is_told = false;
  for (;;) {
    const status entered = own.store->advertise(own.record);
    if (entered || entered.error().code != errc::unavailable) {
      return entered;
    }
    if (!std::exchange(is_told, true)) {
      app.log().warn("waits to be registered: {}", entered.error().message);
    }
    if (app.wait_for_stop(register_interval)) {
      return ok();
    }
  }
}

nlohmann::json start_of(const zmq_broker& served, const http_face& face,
                        const registration& own) {
  nlohmann::json fields = {{"http", face.address()},
                           {"transport", "zmq"},
                           {"xsub", served.xsub_endpoint()},
                           {"xpub", served.xpub_endpoint()},
                           {"registered", own.store != nullptr}};
  if (own.store) {
    const auto& address = std::get<zmq_broker_address>(own.record.address);
    fields["namespace"] = own.record.owner.ns;
    fields["publisher_id"] = own.record.publisher_id;
    fields["advertised_xsub"] = address.xsub_endpoints.front();
    fields["advertised_xpub"] = address.xpub_endpoints.front();
  }
  return fields;
}

status serve(application& app) {
  const options& settings = app.settings();
  auto served = zmq_broker::start(settings.broker, settings.plane.zmq);
  if (!served) {
    return served.error();
  }
  auto face = http_face::start(settings.http, broker_routes(**served));
  if (!face) {
    return face.error();
  }
  registration own;
  if (settings.broker.registered) {
    auto made = registration_of(app, **served);
    if (!made) {
      return made.error();
    }
    own = *std::move(made);
    if (const status entered = enter(app, own); !entered) {
      return entered;
    }
  }
  if (!app.stopping()) {
    app.started(start_of(**served, **face, own));
  }
  app.wait_for_stop();
  if (own.store) {
    // A record that stays expires; there is nothing else to be done.
    static_cast<void>(own.store->withdraw(own.record));
  }
  (*served)->stop();
  (*face)->stop();
  return ok();
}

} // namespace

} // namespace dynamo::apps

int main(int argc, char** argv) {
  return dynamo::apps::run(dynamo::apps::self(), argc, argv,
                           dynamo::apps::serve);
}
