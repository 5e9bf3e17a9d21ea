#include "apps/app/allocator.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <thread>
#include <unistd.h>

#if defined(__GLIBC__) && !defined(DYNAMO_SANITIZED)
#define DYNAMO_HAS_GLIBC_MALLOC 1
#endif

namespace dynamo::apps {

namespace {

constexpr const char* variable = "GLIBC_TUNABLES";

} // namespace

std::optional<std::string> tunables_with_ours(std::string_view now,
                                              unsigned cores) {
  if (now.find("glibc.malloc.") != std::string_view::npos) {
    return std::nullopt;
  }
  std::string all{now};
  all += all.empty() ? "" : ":";
  all += "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=";
  all += std::to_string(std::clamp(cores, 2U, 16U));
  return all;
}

#ifdef DYNAMO_HAS_GLIBC_MALLOC

void settle_allocator(char* const* argv) {
  const char* const now = std::getenv(variable);
  const auto wanted = tunables_with_ours(now == nullptr ? "" : now,
                                         std::thread::hardware_concurrency());
  // By its own path: as /proc/self/exe it would be called "exe" in a ps.
  std::array<char, PATH_MAX> path{};
  if (!wanted || ::readlink("/proc/self/exe", path.data(), path.size() - 1) < 0)
    return;
  if (::setenv(variable, wanted->c_str(), 1) == 0)
    ::execv(path.data(), argv);
}

#else

void settle_allocator(char* const*) {}

#endif

} // namespace dynamo::apps
