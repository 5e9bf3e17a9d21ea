#pragma once

#include "apps/bench/turns.hpp"

#include <cstdint>

namespace dynamo::apps {

/// What a thread costs on a way: how long one takes to wake another and to be
/// woken by it, "p50_us" and so on, over `count` times.
figures measure_handover(std::uint64_t count);

} // namespace dynamo::apps
