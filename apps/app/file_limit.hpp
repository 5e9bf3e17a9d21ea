#pragma once

#include <cstdint>

namespace dynamo::apps {

/// Lets the process open as many files as its hard limit permits (ulimit -Hn),
/// and says how many that are. Systems start programs with 1,024, which a
/// router of a few hundred workers exceeds: each costs it several sockets.
/// Nothing of ours keeps files in sets of a fixed size, for which the low
/// limit is there. The limit stays as it was when it cannot be raised.
std::uint64_t raise_file_limit();

} // namespace dynamo::apps
