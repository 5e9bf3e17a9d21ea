#pragma once

#include "actors/event_plane.hpp"
#include "apps/bench/roles/ends.hpp"

namespace dynamo::apps {

/// An event plane as any program has it, configured by the environment; but a
/// publisher that is full says so instead of dropping what is oldest.
result<std::unique_ptr<actors::event_plane>>
start_bench_plane(const end_request& wanted);

result<std::unique_ptr<outlets>> open_plane_outlets(const end_request& wanted);
result<std::unique_ptr<inlet>> open_plane_inlet(const end_request& wanted,
                                                arrival_sink sink);

} // namespace dynamo::apps
