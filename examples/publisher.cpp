// Publishes a worker's load a hundred times, then leaves.
//
//   publisher DIRECTORY      the directory is where peers find each other

#include "actors/event_plane.hpp"

#include <iostream>
#include <thread>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " DIRECTORY\n";
    return 2;
  }
  dynamo::plane_options options;
  options.transport = dynamo::transport_kind::zmq;
  options.zmq.bind = "127.0.0.1";
  options.discovery.backend = dynamo::discovery_kind::file;
  options.discovery.file.root = argv[1];

  auto plane = dynamo::actors::event_plane::start(options, {});
  if (!plane) {
    std::cerr << to_string(plane.error()) << '\n';
    return 1;
  }
  auto loads = (*plane)->advertise(
      {dynamo::scope::of_endpoint("dynamo", "backend", "generate"),
       std::string{dynamo::topics::kv_metrics},
       {},
       {}});

  for (std::uint64_t used = 1; used <= 100; ++used) {
    dynamo::active_load load;
    load.worker_id = (*plane)->instance_id();
    load.kv_used_blocks = used;
    if (!loads.publish(load)) {
      std::cerr << "the buffer is full\n";
    }
    std::this_thread::sleep_for(1ms);
  }
  // What nobody has heard yet waits for the first subscriber.
  while (loads.buffered().depth > 0) {
    std::this_thread::sleep_for(10ms);
  }
  (*plane)->stop();
  return 0;
}
