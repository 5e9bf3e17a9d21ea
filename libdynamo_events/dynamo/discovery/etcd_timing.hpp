#pragma once

#include "dynamo/base/backoff.hpp"

#include <chrono>
#include <cstddef>

namespace dynamo {

/// Times and limits of the etcd discovery that are no settings. Only tests
/// change them.
struct etcd_timing {
  /// Between attempts when every endpoint has failed.
  backoff_limits retry{std::chrono::milliseconds{100},
                       std::chrono::milliseconds{5000}};
  /// The shortest delay after servers refused who we are.
  std::chrono::milliseconds authentication_delay{5000};
  /// An outage that is over sooner is not spoken of: one member of a cluster
  /// that ends is no outage.
  std::chrono::milliseconds outage{1500};
  /// Whoever advertises, withdraws or lists waits no longer than this.
  std::chrono::milliseconds answer{3000};
  /// Differences that a comparison finds are looked at again after this long:
  /// the change may be on its way.
  std::chrono::milliseconds recheck{500};
  /// At the end, for revoking the lease.
  std::chrono::milliseconds close{1000};
  /// While the start waits, the log says so this often.
  std::chrono::milliseconds still_waiting{10'000};
  /// Puts and deletions that are on their way at a time.
  std::size_t in_flight_max = 64;
  /// Records of a page of a listing.
  std::size_t page = 500;
  /// Keys of a bucket that are looked at; more are ignored, which is said.
  std::size_t keys_max = 200'000;
};

} // namespace dynamo
