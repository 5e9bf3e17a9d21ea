#include "apps/app/application.hpp"
#include "apps/worker/worker.hpp"
#include "apps/worker/worker_face.hpp"
#include "dynamo/transport/advertised_host.hpp"
#include "dynamo/transport/tcp_endpoint.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr std::chrono::milliseconds flush_max{1000};

constexpr std::chrono::milliseconds enter_interval{200};

program self() {
  program self;
  self.name = "dynamo-worker";
  self.summary = "A simulated LLM engine worker that publishes its KV cache.";
  self.examples =
      "  NATS_SERVER=localhost:4222 dynamo-worker --discovery file\n"
      "  dynamo-worker --event-plane zmq --discovery file --cache-blocks 4096\n"
      "  dynamo-worker --config worker.jsonc --http 127.0.0.1:8100 --json\n";
  self.flags = {
      {"--worker-id", "worker.worker_id", "ID", "Its id; 0: a random one"},
      {"--dp-ranks", "worker.dp_ranks", "N", "Data-parallel ranks"},
      {"--cache-blocks", "worker.cache_blocks", "N",
       "Blocks of each rank's cache"},
      {"--speedup", "worker.speedup", "FACTOR",
       "Simulated seconds per real second"},
  };
  return self;
}

/// Where others reach what listens at `bound`: of a wildcard the host that
/// publishers advertise.
result<std::string> reachable(const options& settings, std::uint16_t port,
                              const std::string& bound) {
  const std::string& host = settings.http.host;
  if (host != "0.0.0.0" && host != "::" && host != "*") {
    return bound;
  }
  const auto interfaces = list_interface_addresses();
  if (!interfaces) {
    return interfaces.error();
  }
  const auto chosen =
      choose_advertised_host(settings.plane.zmq.host, *interfaces);
  if (!chosen) {
    return chosen.error();
  }
  return bracketed(*chosen) + ":" + std::to_string(port);
}

/// How long the records of a process that was killed stand in the way.
std::chrono::milliseconds predecessor_max(const discovery_options& wanted) {
  constexpr std::chrono::seconds margin{10};
  // A file lives 10 s after its owner's last touch.
  constexpr std::chrono::seconds file_lifetime{10};
  return margin + (wanted.backend == discovery_kind::etcd
                       ? wanted.etcd.lease_ttl
                       : std::chrono::milliseconds{file_lifetime});
}

/// Puts the worker's records. Those of a predecessor with the same id that was
/// killed stand in the way until they expire; a store that cannot be reached is
/// waited for.
status enter(application& app, worker& served, const std::string& address) {
  const auto deadline =
      app.clock().now() + predecessor_max(app.settings().plane.discovery);
  bool is_told = false;
  for (;;) {
    const status entered = served.enter(address);
    const bool is_away = !entered && entered.error().code == errc::unavailable;
    const bool is_taken = !entered && entered.error().code == errc::exists &&
                          app.clock().now() < deadline;
    if (!is_away && !is_taken) {
      return entered;
    }
    if (!std::exchange(is_told, true)) {
      app.log().warn("waits to be registered: {}", entered.error().message);
    }
    if (app.wait_for_stop(enter_interval)) {
      return ok();
    }
  }
}

status serve(application& app) {
  const options& settings = app.settings();
  auto plane = actors::event_plane::start(settings.plane, app.log_sink(),
                                          app.stop_check());
  if (!plane) {
    return plane.error();
  }
  worker served{**plane, settings, app.clock()};

  http_options http = settings.http;
  http.threads = std::max(http.threads, worker_face_threads(settings.worker));
  auto face = http_face::start(http, worker_routes(served, settings));
  if (!face) {
    return face.error();
  }
  const auto address = reachable(settings, (*face)->port(), (*face)->address());
  if (!address) {
    return address.error();
  }
  const status entered = enter(app, served, *address);
  if (!entered) {
    return entered;
  }

  if (!app.stopping()) {
    app.started({{"http", (*face)->address()}, {"worker_id", served.id()}});
  }
  app.wait_for_stop();
  served.stop();
  (*face)->stop();
  (*plane)->stop(flush_max);
  return ok();
}

} // namespace

} // namespace dynamo::apps

int main(int argc, char** argv) {
  return dynamo::apps::run(dynamo::apps::self(), argc, argv,
                           dynamo::apps::serve);
}
