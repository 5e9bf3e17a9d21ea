#pragma once

#include "dynamo/base/backoff.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/transport/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dynamo {

/// What want() did.
enum class want_outcome {
  /// Wanted already, at this endpoint.
  unchanged,
  /// New: due at once.
  added,
  /// The publisher has moved to another endpoint: due at once.
  moved,
  /// The subscription follows as many peers as it may.
  refused,
};

/// How one peer that should be connected stands.
struct peer_status {
  peer remote;
  connection_state state = connection_state::connecting;
  /// Times that a connection was made after one was lost.
  std::uint64_t reconnects = 0;
  /// Attempts that failed or that nobody answered.
  std::uint64_t failures = 0;
  /// Why it is not connected; from the last change, may be empty.
  std::string reason;
};

/// An attempt to be made now.
struct connect_attempt {
  subscription_id subscription = 0;
  peer remote;
};

/// Settings of a peer_set.
struct peer_set_limits {
  backoff_limits delay;
  /// An attempt that nobody answered for so long is made again. Must be longer
  /// than the transport's own limit, which normally answers.
  std::chrono::milliseconds connect_deadline{15'000};
  /// Peers that one subscription follows; more are refused.
  std::size_t peers_max = 16'384;
};

/// Which peers should be connected, and when the next attempt at each is due.
/// Attempts never end; their delays grow while a peer fails, and shrink again
/// once it stayed connected for at least the initial delay, so that a peer
/// that dies right after the handshake is not met at full speed.
///
/// It neither connects nor waits: the owner makes the attempts that due()
/// returns, tells on_change() what became of them, and comes back at
/// next_due().
class peer_set {
 public:
  using time_point = clock::time_point;

  /// The seed makes the delays repeatable in tests.
  peer_set(const peer_set_limits& limits, std::uint64_t seed);

  want_outcome want(subscription_id id, const peer& remote, time_point now);
  /// False: it was not wanted.
  bool drop(subscription_id id, std::uint64_t publisher_id);
  void drop_all(subscription_id id);

  /// Takes a report of the transport. False: it speaks of a peer that is not
  /// wanted, or of an endpoint where that peer is no longer.
  bool on_change(const connection_change& change, time_point now);

  /// The attempts to be made now; each counts as made.
  std::vector<connect_attempt> due(time_point now);
  /// When to ask due() again; nothing when all peers are connected.
  std::optional<time_point> next_due() const;

  /// The transport was replaced: every peer is due at once.
  void restart(time_point now);

  const peer_status* find(subscription_id id, std::uint64_t publisher_id) const;
  /// All peers of a subscription, by publisher id.
  std::vector<peer_status> peers(subscription_id id) const;
  std::size_t size() const { return entries_.size(); }
  /// Peers that want() refused.
  std::uint64_t refused() const { return refused_; }

 private:
  using key = std::pair<subscription_id, std::uint64_t>;

  struct entry {
    peer_status status{};
    backoff delays;
    /// Whether it was ever connected at this endpoint.
    bool was_connected = false;
    time_point connected_at{};
    /// Whether an attempt was made that no report has followed.
    bool unanswered = false;
    std::optional<time_point> due{};
  };
  using entries = std::map<key, entry>;

  entry new_entry(const key& where, const peer& remote) const;
  void schedule(entries::iterator at, std::optional<time_point> due);
  void on_connected(entries::iterator at, time_point now);
  void on_broken(entries::iterator at, const connection_change& change,
                 time_point now);

  peer_set_limits limits_;
  std::uint64_t seed_;
  entries entries_;
  std::map<subscription_id, std::size_t> sizes_;
  /// Every entry that has a due time, soonest first.
  std::set<std::pair<time_point, key>> schedule_;
  std::uint64_t refused_ = 0;
};

} // namespace dynamo
