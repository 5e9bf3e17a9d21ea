// A worker made of actors: an engine of its own beside those of the event
// plane, in one actor_system. Run it as `composed_worker DIRECTORY BLOCKS`.

#include "actors/compose.hpp"

#include <iostream>
#include <thread>

using namespace dynamo;
using namespace std::chrono_literals;

/// Stores a block a millisecond, each the child of the one before.
caf::behavior engine(caf::event_based_actor* self, actors::publisher_handle out,
                     std::uint64_t blocks) {
  actors::seam::delayed_send(self, 1ms, actors::tick{});
  return {[=, block = std::uint64_t{0}](const actors::tick&) mutable {
    kv_stored stored;
    stored.parent_hash = block > 0 ? std::optional{block} : std::nullopt;
    stored.blocks = {{++block, 100 + block, {}}};
    const kv_cache_event change{block, std::move(stored), 0};
    out.publish(kv_events{{7, storage_tier::device, {}, change, {}, {}}});
    block < blocks ? actors::seam::delayed_send(self, 1ms, actors::tick{})
                   : self->quit();
  }};
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " DIRECTORY BLOCKS\n";
    return 2;
  }
  plane_options settings;
  settings.transport = transport_kind::zmq;
  settings.zmq.bind = "127.0.0.1";
  settings.discovery.backend = discovery_kind::file;
  settings.discovery.file.root = argv[1];
  const system_clock time;
  auto parts = actors::make_parts(settings, time, {});
  if (!parts) {
    std::cerr << to_string(parts.error()) << '\n';
    return 1;
  }
  actors::seam::init_types();
  caf::actor_system_config config;
  caf::actor_system system{config};
  const caf::actor plane = actors::spawn_event_plane(system, **parts);
  const scope served = scope::of_endpoint("dynamo", "backend", "generate");
  const kv_source_metadata source{served, 7, 0, 0};
  const auto events = actors::start_publisher_on(
      plane, **parts, {served, "kv-events", source, {}});
  caf::scoped_actor self{system};
  self->wait_for(system.spawn(engine, events, std::stoull(argv[2])));
  while (events.buffered().depth > 0) {
    std::this_thread::sleep_for(10ms);
  }
  actors::seam::anon_send(plane, actors::stop_plane{1s});
  self->wait_for(plane);
  actors::release(**parts);
}
