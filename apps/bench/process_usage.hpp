#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <sys/types.h>

namespace dynamo::apps {

/// What a process has used since it began, and what it holds now.
struct process_usage {
  /// User and system time of all threads, in seconds.
  double cpu_s = 0;
  std::uint64_t rss_bytes = 0;
  /// Of that, what no file stands behind: without code and libraries, which all
  /// processes of a machine share.
  std::uint64_t rss_own_bytes = 0;
  std::uint64_t rss_peak_bytes = 0;
  std::size_t threads = 0;
  std::size_t descriptors = 0;
};

/// Of this process, from getrusage and /proc/self.
process_usage usage_now();

/// The resident memory of a process; 0 when it is gone.
std::uint64_t resident_bytes_of(pid_t process);

/// User and system time of the threads that a process has, in seconds, by the
/// names of the threads; those of one name together, within 10 ms each. Empty
/// when the process is gone.
std::map<std::string, double> cpu_seconds_by_thread(pid_t process);

/// The CPU time alone, which is quick to ask for.
double cpu_seconds();

/// CLOCK_MONOTONIC, which all processes of a machine share.
std::uint64_t monotonic_ns();

/// Sleeps until monotonic_ns() is `due`; at once when it is already.
void sleep_until_ns(std::uint64_t due);

} // namespace dynamo::apps
