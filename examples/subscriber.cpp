// Prints the load of every worker until it has heard of a number of them.
//
//   subscriber DIRECTORY EVENTS

#include "actors/event_plane.hpp"

#include <future>
#include <iostream>

namespace {

/// Tells which events are missing, and who came.
void print(const dynamo::actors::stream_notice& notice) {
  using namespace dynamo::actors;
  if (const auto* gap = std::get_if<stream_gap>(&notice)) {
    std::cout << gap->missed << " events are missing\n";
  } else if (const auto* joined = std::get_if<publisher_joined>(&notice)) {
    std::cout << "found " << joined->endpoint << '\n';
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " DIRECTORY EVENTS\n";
    return 2;
  }
  dynamo::plane_options options;
  options.transport = dynamo::transport_kind::zmq;
  options.discovery.backend = dynamo::discovery_kind::file;
  options.discovery.file.root = argv[1];

  auto plane = dynamo::actors::event_plane::start(options, {});
  if (!plane) {
    std::cerr << to_string(plane.error()) << '\n';
    return 1;
  }
  std::promise<void> heard_all;
  unsigned long long left = std::stoull(argv[2]);
  (*plane)->subscribe(
      dynamo::scope::of_endpoint("dynamo", "backend", "generate"),
      dynamo::topics::kv_metrics,
      {[&](const dynamo::actors::received_event& event) {
         const auto& load = std::get<dynamo::active_load>(event.value);
         std::cout << "worker " << load.worker_id << " uses "
                   << load.kv_used_blocks.value_or(0) << " blocks\n";
         if (--left == 0) {
           heard_all.set_value();
         }
       },
       print});
  heard_all.get_future().wait();
  (*plane)->stop();
  return 0;
}
