#pragma once

#include "apps/bench/contender.hpp"
#include "apps/bench/measures/role_group.hpp"
#include "apps/bench/turns.hpp"
#include "dynamo/config/options.hpp"

#include <cstdint>

namespace dynamo::apps {

/// Publishers of kv-events in one process, a router's index in another.
struct kv_trial {
  contender publisher;
  contender router;
  transport_kind transport = transport_kind::zmq;
  std::size_t publishers = 1;
  std::size_t events_per_message = 1;
  /// Of each publisher.
  std::uint64_t events = 100'000;
  /// Events a second of each publisher; 0: as fast as it goes.
  double rate = 0;
  /// Told of both processes, the publishers' first: before they are measured,
  /// and when everything has arrived.
  process_sink on_warm;
  process_sink on_arrived;
};

/// Runs it once:
///
///   events_per_s    first message received until all is in the index
///   ingest_cpu_ns   of the router's process, for each event
///   pub_cpu_ns      of the publishers', likewise
///   lost            events
///   mismatched      blocks that must be in the index and are not
///   router_rss      bytes, peak
result<figures> run_kv(const kv_trial& trial);

} // namespace dynamo::apps
