#include "dynamo/discovery/kubernetes.hpp"

#include "dynamo/discovery/backend_discovery.hpp"
#include "dynamo/discovery/kube_backend.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

/// The backend and its thread.
class kubernetes_discovery final : public backend_discovery<kube_backend> {
 public:
  explicit kubernetes_discovery(kube_backend_plan plan)
      : backend_discovery(plan, "kubernetes discovery", plan.timing.close)
      , still_waiting_(plan.timing.still_waiting) {}

  /// Starts the thread, and returns when all was seen, or cannot be.
  status connect(const kubernetes_discovery_request& request) {
    return start([this, &request] { return wait_for_sight(request); });
  }

 private:
  status wait_for_sight(const kubernetes_discovery_request& request);

  const std::chrono::milliseconds still_waiting_;
};

status kubernetes_discovery::wait_for_sight(
    const kubernetes_discovery_request& request) {
  constexpr std::chrono::milliseconds look_interval{50};
  const auto end =
      std::chrono::steady_clock::now() + request.options.startup_timeout;
  auto say_at = std::chrono::steady_clock::now() + still_waiting_;
  while (!backend().is_synced()) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) {
      return error{errc::unavailable,
                   "kubernetes discovery: nothing seen within " +
                       seconds_text(request.options.startup_timeout) + ": " +
                       backend().failures()};
    }
    if (request.gives_up && request.gives_up()) {
      return error{errc::closed,
                   "kubernetes discovery: no longer waited for: " +
                       backend().failures()};
    }
    if (now >= say_at && request.notice) {
      request.notice("kubernetes discovery: waiting for the API server, " +
                     seconds_text(end - now) +
                     " more: " + backend().failures());
      say_at = now + still_waiting_;
    }
    turn(std::min({end, say_at, now + look_interval}));
  }
  return ok();
}

/// The pod's, the configuration's, or what Kubernetes calls the default.
std::string namespace_of(const kubernetes_options& options,
                         const kube_access& access) {
  std::string pods =
      text_of_file(options.identity_directory + "/pod_namespace");
  for (const std::string& one : {pods, options.ns, access.ns}) {
    if (!one.empty()) {
      return one;
    }
  }
  return "default";
}

} // namespace

result<std::unique_ptr<discovery>>
make_kubernetes_discovery(kubernetes_discovery_request request) {
  const kubernetes_options& options = request.options;
  auto access = find_kube_access(options);
  if (!access) {
    return std::move(access).error();
  }
  kube_backend_plan plan;
  auto who = read_kube_identity(options);
  if (who) {
    plan.who = *std::move(who);
  } else if (request.notice) {
    request.notice(who.error().message + "; this process can only read");
  }
  plan.ns = namespace_of(options, *access);
  plan.access = *std::move(access);
  plan.limits = {options.connect_timeout, options.request_timeout,
                 options.response_bytes_max};
  plan.mode = options.mode;
  plan.main_container = options.main_container;
  plan.field_manager = options.field_manager;
  plan.relist = options.relist;
  plan.timing = request.timing;
  plan.notice = request.notice;
  auto made = std::make_unique<kubernetes_discovery>(std::move(plan));
  if (auto connected = made->connect(request); !connected) {
    return connected.error();
  }
  return std::unique_ptr<discovery>{std::move(made)};
}

} // namespace dynamo
