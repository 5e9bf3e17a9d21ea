#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/etcd_timing.hpp"

#include <functional>
#include <memory>

namespace dynamo {

/// Discovery in etcd, as Dynamo uses it. Runs one thread, which does all that
/// is to be done; members wait for it, but never longer than the time of an
/// answer (3 s). What it does and why is in README.md beside this file.
///
/// Waits until the first lease is granted, whose id is the instance id: up to
/// the start-up time limit, or until the request gives up (errc::closed).
/// errc::unavailable after that limit, with every endpoint and why it failed.
/// errc::invalid for endpoints or credentials that are none, and when the
/// servers refuse who we are. What happens later is no error: watchers are told
/// watch_stale, and everything is tried again for ever.
struct etcd_discovery_request {
  etcd_options options;
  notice_sink notice;
  /// May be empty.
  stop_check gives_up;
  etcd_timing timing;
};
result<std::unique_ptr<discovery>>
make_etcd_discovery(etcd_discovery_request request);

} // namespace dynamo
