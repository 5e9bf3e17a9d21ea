#pragma once

#include "actors/surroundings.hpp"
#include "dynamo/events/envelope.hpp"
#include "dynamo/wire/event_codec.hpp"

#include <chrono>

namespace dynamo::actors {

struct publisher_plan;

/// What a publisher calls its stream on the wire, by transport and generation.
stream_name name_of(const publisher_plan& plan, const plane_options& options);

/// The form of its payloads.
payload_generation generation_of(const plane_options& options,
                                 wire_generation wanted);

/// How long it keeps what was sent, to send it again after an outage.
std::chrono::milliseconds repeat_window_of(const plane_options& options);

} // namespace dynamo::actors
