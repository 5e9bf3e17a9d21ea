// The actors behind their facade: one process publishes over ZMQ and hears
// itself.
#include <actors/event_plane.hpp>
#include <dynamo/events/topic.hpp>

#include <chrono>
#include <cstdio>
#include <future>
#include <string>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;

int main() {
  dynamo::plane_options options;
  options.transport = dynamo::transport_kind::zmq;
  options.discovery.backend = dynamo::discovery_kind::memory;
  options.zmq.host = "127.0.0.1";
  options.zmq.bind = "127.0.0.1";
  auto plane = dynamo::actors::event_plane::start(
      options, [](dynamo::actors::log_level, std::string_view text) {
        std::fprintf(stderr, "%s\n", std::string{text}.c_str());
      });
  if (!plane) {
    std::puts(dynamo::to_string(plane.error()).c_str());
    return 1;
  }

  const auto owner = dynamo::scope::of_component("dynamo", "backend");
  std::promise<std::uint64_t> heard;
  (*plane)->subscribe(owner, dynamo::topics::kv_metrics,
                      {.on_event =
                           [&heard, first = true](const auto& event) mutable {
                             if (std::exchange(first, false)) {
                               heard.set_value(event.sequence);
                             }
                           },
                       .on_notice = {}});
  auto publisher =
      (*plane)->advertise({.owner = owner,
                           .topic = std::string{dynamo::topics::kv_metrics},
                           .source = {},
                           .options = {}});

  auto arrived = heard.get_future();
  const bool taken = publisher.publish(dynamo::active_load{.worker_id = 7});
  const bool came = arrived.wait_for(30s) == std::future_status::ready;
  (*plane)->stop();
  std::printf("taken: %d, heard: %d\n", taken, came);
  return taken && came ? 0 : 1;
}
