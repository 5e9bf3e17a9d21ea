#pragma once

#include <cstdint>

namespace dynamo::apps {

/// How often the thread that asks has called operator new. 0 in builds with
/// AddressSanitizer, which must have that operator for itself.
std::uint64_t allocations_of_thread();

} // namespace dynamo::apps
