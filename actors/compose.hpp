#pragma once

#include "actors/caf_seam.hpp"
#include "actors/discovery_watcher.hpp"
#include "actors/event_plane.hpp"
#include "actors/link_bridge.hpp"
#include "actors/surroundings.hpp"
#include "actors/zmq_bridge.hpp"

#include <memory>
#include <string_view>
#include <variant>

// For applications that compose the actors into an actor_system of their own.
// One that does not know CAF uses actors/event_plane.hpp.

namespace dynamo::actors {

/// Whether discovery_watcher, which may wait for its store, gets a thread.
enum class watcher_thread { own, shared };

/// What the bridge stands on, for each kind of transport.
using bridge_resources = std::variant<zmq_resources, link_resources>;

/// What the tree of actors stands on: sockets, store, clock, options. Outlives
/// the actors; see `release`.
struct plane_parts {
  surroundings around;
  bridge_resources bridge;
  watcher_resources watcher;
  watcher_thread thread = watcher_thread::own;
};

/// Opens the transport and the store that the options name. The clock outlives
/// the parts. errc::unsupported for what this build does not have; errc::closed
/// when a store was waited for and `gives_up`.
result<std::unique_ptr<plane_parts>> make_parts(const plane_options& options,
                                                const clock& time, log_sink log,
                                                stop_check gives_up = {});

/// The same on a transport and a store that are there already, such as those
/// of transport/memory.hpp and discovery/memory.hpp.
std::unique_ptr<plane_parts> make_parts_on(std::unique_ptr<transport> direct,
                                           std::unique_ptr<discovery> store,
                                           surroundings around);

std::unique_ptr<plane_parts> make_parts_on(std::unique_ptr<shared_link> link,
                                           std::unique_ptr<discovery> store,
                                           surroundings around);

/// Starts the tree; the actor returned is its supervisor. Send it stop_plane
/// and wait for its end before the parts are released.
caf::actor spawn_event_plane(caf::actor_system& system, plane_parts& parts);

/// A publisher under `plane`; see event_plane::advertise.
publisher_handle start_publisher_on(const caf::actor& plane,
                                    const plane_parts& parts,
                                    const publisher_request& request);

/// A subscription under `plane` whose consumer is an actor. The consumer
/// handles events_received by returning events_handled, and notice_received;
/// see actors/messages.hpp.
subscription_id start_subscriber_on(const caf::actor& plane,
                                    const plane_parts& parts,
                                    const scope& owner, std::string_view topic,
                                    const caf::actor& consumer);

/// The same with functions as the consumer.
subscription_id start_subscriber_on(const caf::actor& plane,
                                    const plane_parts& parts,
                                    const scope& owner, std::string_view topic,
                                    stream_consumer consumer);

/// What stands behind the face of an event_plane, for what adds actors of its
/// own to it. Valid until it stops.
caf::actor_system& system_of(const event_plane& plane);
const caf::actor& supervisor_of(const event_plane& plane);
const plane_parts& parts_of(const event_plane& plane);

/// Lets go of every actor that sockets and queues would wake, and closes the
/// sockets. Call it after the tree has ended and before the actor_system is
/// destroyed.
void release(plane_parts& parts);

} // namespace dynamo::actors
