#pragma once

#include <cstdint>

namespace dynamo::apps {

/// How often the thread that asks has called operator new, and how often the
/// whole process has; what libraries of C take from malloc is not among them. 0
/// in builds with AddressSanitizer, which must have that operator for itself.
std::uint64_t allocations_of_thread();
std::uint64_t allocations_of_process();

} // namespace dynamo::apps
