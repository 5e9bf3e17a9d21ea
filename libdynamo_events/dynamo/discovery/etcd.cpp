#include "dynamo/discovery/etcd.hpp"

#include "dynamo/discovery/backend_discovery.hpp"
#include "dynamo/discovery/etcd_backend.hpp"
#include "dynamo/discovery/etcd_endpoints.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

/// The backend and its thread.
class etcd_discovery final : public backend_discovery<etcd_backend> {
 public:
  explicit etcd_discovery(etcd_backend_plan plan)
      : backend_discovery(plan, "etcd discovery", plan.timing.close)
      , still_waiting_(plan.timing.still_waiting) {}

  /// Starts the thread, and returns when it has connected, or cannot.
  status connect(const etcd_discovery_request& request) {
    return start([this, &request] { return wait_for_lease(request); });
  }

 private:
  status wait_for_lease(const etcd_discovery_request& request);

  const std::chrono::milliseconds still_waiting_;
};

/// Until there is a lease, or no hope for one.
status etcd_discovery::wait_for_lease(const etcd_discovery_request& request) {
  constexpr std::chrono::milliseconds look_interval{50};
  const auto timeout = request.options.startup_timeout;
  const auto begin = std::chrono::steady_clock::now();
  auto say_at = begin + still_waiting_;
  while (backend().instance_id() == 0) {
    const auto now = std::chrono::steady_clock::now();
    if (const std::string refusal = backend().refusal(); !refusal.empty()) {
      return error{errc::invalid, "etcd discovery: refused: " + refusal};
    }
    if (now >= begin + timeout) {
      return error{errc::unavailable,
                   "etcd discovery: no etcd within " + seconds_text(timeout) +
                       ": " + backend().failures() +
                       ". ETCD_ENDPOINTS says where etcd is, --discovery file "
                       "goes without"};
    }
    if (request.gives_up && request.gives_up()) {
      return error{errc::closed, "etcd discovery: no longer waited for: " +
                                     backend().failures()};
    }
    if (now >= say_at && request.notice) {
      request.notice("etcd discovery: waiting for etcd, " +
                     seconds_text(begin + timeout - now) + " more");
      say_at = now + still_waiting_;
    }
    turn(std::min({begin + timeout, say_at, now + look_interval}));
  }
  return ok();
}

status check_credentials(const etcd_options& options) {
  if (options.username.empty() != options.password.empty()) {
    return error{errc::invalid,
                 "etcd discovery: expected a user name and a password "
                 "(ETCD_AUTH_USERNAME, ETCD_AUTH_PASSWORD), or neither"};
  }
  if (options.tls.certificate.empty() != options.tls.key.empty()) {
    return error{errc::invalid,
                 "etcd discovery: expected a client certificate and its key "
                 "(ETCD_AUTH_CLIENT_CERT, ETCD_AUTH_CLIENT_KEY), or neither"};
  }
  return ok();
}

} // namespace

result<std::unique_ptr<discovery>>
make_etcd_discovery(etcd_discovery_request request) {
  const etcd_options& options = request.options;
  auto endpoints = etcd_endpoints_from(options.endpoints);
  if (!endpoints) {
    return std::move(endpoints).error();
  }
  if (status checked = check_credentials(options); !checked) {
    return checked.error();
  }
  etcd_backend_plan plan;
  plan.access = {*std::move(endpoints),
                 options.username,
                 options.password,
                 {{},
                  options.tls.ca,
                  options.tls.certificate,
                  options.tls.key,
                  options.connect_timeout,
                  options.keepalive_interval,
                  options.keepalive_timeout,
                  options.response_bytes_max},
                 options.request_timeout};
  plan.lease_ttl = options.lease_ttl;
  plan.times = {options.request_timeout, options.compare, options.grace};
  plan.timing = request.timing;
  plan.notice = request.notice;
  auto made = std::make_unique<etcd_discovery>(std::move(plan));
  if (auto started = made->connect(request); !started) {
    return started.error();
  }
  return std::unique_ptr<discovery>{std::move(made)};
}

} // namespace dynamo
