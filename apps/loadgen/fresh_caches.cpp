#include "apps/loadgen/fresh_caches.hpp"

#include <set>
#include <string>

namespace dynamo::apps {

namespace {

constexpr std::chrono::milliseconds ask_interval{20};

/// Adds those that were emptied to `done`; the first failure.
status clear_workers(cluster_client& router, std::set<std::string>& done) {
  const auto members = router.members();
  if (!members) {
    return members.error();
  }
  for (const std::string& endpoint : members->endpoints) {
    if (done.contains(endpoint)) {
      continue;
    }
    status cleared = router.clear_cache(endpoint);
    if (!cleared) {
      return cleared;
    }
    done.insert(endpoint);
  }
  return ok();
}

status expect_empty(const std::vector<cluster_client*>& routers) {
  for (cluster_client* each : routers) {
    const auto members = each->members();
    if (!members) {
      return members.error();
    }
    if (members->blocks > 0) {
      return error{errc::unavailable,
                   "a router still believes that workers hold " +
                       std::to_string(members->blocks) + " blocks"};
    }
  }
  return ok();
}

} // namespace

status empty_caches(const std::vector<cluster_client*>& routers,
                    std::chrono::milliseconds timeout,
                    const stop_wait& stopped) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::set<std::string> done;
  for (;;) {
    status empty = clear_workers(*routers.front(), done);
    if (empty) {
      empty = expect_empty(routers);
    }
    if (empty || empty.error().code == errc::invalid ||
        std::chrono::steady_clock::now() > deadline) {
      return empty;
    }
    if (stopped(ask_interval)) {
      return error{errc::closed, "stopped before the caches were empty"};
    }
  }
}

} // namespace dynamo::apps
