#include "apps/bench/process_usage.hpp"

#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace dynamo::apps {

namespace {

constexpr std::uint64_t ns_per_s = 1'000'000'000;

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) * 1e-6;
}

/// The number behind a name in /proc/self/status; "VmRSS:     1234 kB".
std::uint64_t number_behind(const std::string& line, std::size_t name_size) {
  const std::size_t first = line.find_first_of("0123456789", name_size);
  std::uint64_t number = 0;
  if (first != std::string::npos) {
    std::from_chars(line.data() + first, line.data() + line.size(), number);
  }
  return number;
}

std::size_t open_descriptors() {
  std::error_code failure;
  std::size_t count = 0;
  for (std::filesystem::directory_iterator at{"/proc/self/fd", failure}, end;
       !failure && at != end; at.increment(failure)) {
    ++count;
  }
  // The directory itself was one of them.
  return count > 0 ? count - 1 : 0;
}

} // namespace

process_usage usage_now() {
  process_usage now;
  now.cpu_s = cpu_seconds();
  now.descriptors = open_descriptors();
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) {
      now.rss_bytes = number_behind(line, 6) * 1024;
    } else if (line.starts_with("RssAnon:")) {
      now.rss_own_bytes = number_behind(line, 8) * 1024;
    } else if (line.starts_with("VmHWM:")) {
      now.rss_peak_bytes = number_behind(line, 6) * 1024;
    } else if (line.starts_with("Threads:")) {
      now.threads = number_behind(line, 8);
    }
  }
  return now;
}

std::uint64_t resident_bytes_of(pid_t process) {
  std::ifstream status{"/proc/" + std::to_string(process) + "/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) {
      return number_behind(line, 6) * 1024;
    }
  }
  return 0;
}

std::map<std::string, double> cpu_seconds_by_thread(pid_t process) {
  static const double tick_s = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  std::map<std::string, double> all;
  std::error_code failure;
  const std::filesystem::path tasks{"/proc/" + std::to_string(process) +
                                    "/task"};
  for (std::filesystem::directory_iterator at{tasks, failure}, end;
       !failure && at != end; at.increment(failure)) {
    std::ifstream file{at->path() / "stat"};
    std::string line;
    std::getline(file, line);
    // proc(5): "123 (name) S ...", of which utime is the 14th and stime the
    // 15th; a name may hold whatever it likes.
    const std::size_t open = line.find('(');
    const std::size_t close = line.rfind(')');
    if (open == std::string::npos || close == std::string::npos) {
      continue;
    }
    std::istringstream rest{line.substr(close + 1)};
    std::string skipped;
    for (int field = 3; field < 14; ++field) {
      rest >> skipped;
    }
    double user = 0;
    double system = 0;
    rest >> user >> system;
    all[line.substr(open + 1, close - open - 1)] += (user + system) * tick_s;
  }
  return all;
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}

std::uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * ns_per_s +
         static_cast<std::uint64_t>(now.tv_nsec);
}

void sleep_until_ns(std::uint64_t due) {
  timespec until{};
  until.tv_sec = static_cast<std::time_t>(due / ns_per_s);
  until.tv_nsec = static_cast<long>(due % ns_per_s);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) !=
         0) {
  }
}

} // namespace dynamo::apps
