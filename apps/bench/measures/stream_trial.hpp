#pragma once

#include "apps/bench/contender.hpp"
#include "apps/bench/measures/role_group.hpp"
#include "apps/bench/turns.hpp"
#include "dynamo/config/options.hpp"

#include <cstdint>

namespace dynamo::apps {

/// Publishers in some processes, subscribers in others, and what goes between
/// them.
struct stream_trial {
  contender publisher;
  contender subscriber;
  transport_kind transport = transport_kind::zmq;
  std::size_t payload_bytes = 200;
  /// Of each publisher.
  std::uint64_t count = 100'000;
  /// Messages a second of each publisher; 0: as fast as it goes.
  double rate = 0;
  std::uint64_t burst = 1;
  std::size_t publisher_processes = 1;
  std::size_t publishers_each = 1;
  std::size_t subscriber_processes = 1;
  /// Told of the processes, the publishers first, before they are measured.
  process_sink on_warm;
  /// And when everything has arrived.
  process_sink on_arrived;

  std::size_t publishers() const {
    return publisher_processes * publishers_each;
  }
};

/// Runs it once. Figures, of all processes of an end together unless said
/// otherwise:
///
///   sent, received, lost, duplicates, refused
///   sent_per_s, received_per_s      of all publishers; of one subscriber
///   pub_s, sub_s                    first to last
///   pub_cpu_ns, sub_cpu_ns          for each message; one subscriber's
///   p50_us, p90_us, p99_us, p999_us, max_us  publish call to arrival, the
///                                   slowest subscriber's
///   first_p99_us, last_p99_us       of the first and of the last third
///   pub_rss, sub_rss                bytes, the largest process's peak
///   pub_threads, sub_threads, pub_fds, sub_fds  the largest process's
result<figures> run_stream(const stream_trial& trial);

/// Whether nothing was lost and subscribers kept pace: what waits in queues has
/// not been delivered.
bool is_sustained(const figures& run);

/// The most messages a second that arrive without a loss, and as fast as they
/// are published, found by `steps` halvings below `ceiling` a second:
/// loss_free_per_s, and the other figures of the run at that rate.
result<figures> find_loss_free_rate(stream_trial trial, double ceiling,
                                    std::size_t steps, double seconds);

} // namespace dynamo::apps
