#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/kube_timing.hpp"

#include <memory>

namespace dynamo {

/// Discovery in the API server of Kubernetes, as Dynamo uses it: an object of
/// kind DynamoWorkerMetadata for each pod or container, seen while that is
/// ready. Runs one thread, which does all that is to be done; members wait for
/// it, but never longer than the time of an answer (3 s). What it does and why
/// is in README.md beside this file.
///
/// Waits until all is seen that there is: up to the start-up time limit, or
/// until the request gives up (errc::closed). errc::unavailable after that
/// limit, with the reason, which names a right that is missing. errc::invalid
/// when it is not known where the API server is or what is to be said to it.
/// A process without a pod's name and uid may only read: its records are
/// refused with errc::invalid. What happens later is no error: watchers are
/// told watch_stale, and everything is tried again for ever.
struct kubernetes_discovery_request {
  kubernetes_options options;
  notice_sink notice;
  /// May be empty.
  stop_check gives_up;
  kube_timing timing;
};
result<std::unique_ptr<discovery>>
make_kubernetes_discovery(kubernetes_discovery_request request);

} // namespace dynamo
