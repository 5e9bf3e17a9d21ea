#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dynamo::apps {

/// What GLIBC_TUNABLES should be for a program with hundreds of threads that
/// serve HTTP: no cache of free memory for each thread, and no more arenas than
/// `cores`, within 2 and 16. Nothing when `now` says something about malloc
/// itself, which is then the user's wish.
///
/// With the C library's defaults every thread keeps what it freed, up to
/// 230 KiB, and each of up to 8 arenas for each core its own holes: a process
/// whose load is constant grows for an hour.
std::optional<std::string> tunables_with_ours(std::string_view now,
                                              unsigned cores);

/// Starts this program again, in this process and with the same arguments,
/// where its allocator does not have these settings yet: the C library reads
/// them only as a process begins. To be called first in main, before any thread
/// or signal mask. Returns when there is nothing to do, and with other C
/// libraries and allocators; it cannot fail in a way that matters.
void settle_allocator(char* const* argv);

} // namespace dynamo::apps
