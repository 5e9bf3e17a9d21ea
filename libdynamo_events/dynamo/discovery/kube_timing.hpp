#pragma once

#include "dynamo/base/backoff.hpp"

#include <chrono>
#include <cstddef>

namespace dynamo {

/// Times and limits of the Kubernetes discovery that are no settings. Only
/// tests change them.
struct kube_timing {
  /// Between attempts at the API server. Its own advice (Retry-After) counts
  /// when it is longer.
  backoff_limits retry{std::chrono::milliseconds{200},
                       std::chrono::milliseconds{10'000}};
  /// The longest advice that is taken.
  std::chrono::milliseconds advice_max{60'000};
  /// A failure that is over sooner is not spoken of: after its start an API
  /// server refuses everybody for a second.
  std::chrono::milliseconds outage{3000};
  /// Whoever advertises, withdraws or lists waits no longer than this.
  std::chrono::milliseconds answer{3000};
  /// The server ends a watch after so long; a fifth less at random.
  std::chrono::milliseconds watch{290'000};
  /// A watch is dead that is silent for longer: bookmarks come every minute.
  std::chrono::milliseconds silence{150'000};
  /// A watch that ends sooner counts as a failed one.
  std::chrono::milliseconds watch_min{1000};
  /// A file with a token is read again this often; Kubernetes writes a new one
  /// long before the old one ends.
  std::chrono::milliseconds token_reread{30'000};
  /// At the end, for taking our records out of the object.
  std::chrono::milliseconds close{1000};
  /// While the start waits, the log says so this often.
  std::chrono::milliseconds still_waiting{10'000};
  /// Objects of a page of a listing.
  std::size_t page = 500;
  /// Objects of a kind that are looked at; more are ignored, which is said.
  std::size_t objects_max = 100'000;
};

} // namespace dynamo
