#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dynamo::apps {

/// A publisher as its worker tells of it.
struct published_stream {
  /// "namespace/component/endpoint".
  std::string scope;
  std::string topic;
  std::uint64_t publisher_id = 0;
  std::uint64_t worker_id = 0;
  /// Numbers given out.
  std::uint64_t sequence = 0;
  /// Numbers that never went on the wire.
  std::uint64_t dropped = 0;
};

/// The same publisher as the router tells of it.
struct received_stream {
  std::string scope;
  std::string topic;
  std::uint64_t publisher_id = 0;
  bool discovered = false;
  std::uint64_t received = 0;
  std::uint64_t missed = 0;
  /// Of those missed: dropped by the router's own inbox.
  std::uint64_t dropped_here = 0;
  std::uint64_t next_sequence = 0;
};

/// The router's subscriptions with all their streams.
struct router_streams {
  /// (scope, topic) of each.
  std::vector<std::pair<std::string, std::string>> subscriptions;
  std::vector<received_stream> streams;
};

/// What became of one publisher's events.
struct stream_account {
  std::uint64_t publisher_id = 0;
  std::string topic;
  /// 0: no worker ever told of this publisher.
  std::uint64_t worker_id = 0;
  std::uint64_t published = 0;
  std::uint64_t received = 0;
  /// Missed by the router because a full buffer on either side dropped them.
  std::uint64_t dropped = 0;
  /// All else that the router missed.
  std::uint64_t lost = 0;
  /// Of those lost: the last of a publisher that has left, which no later
  /// message can show as a gap. A publisher that ends orderly leaves none.
  std::uint64_t lost_at_end = 0;
  /// Whether the router saw the publisher go.
  bool has_left = false;

  /// How many events nobody can tell the fate of.
  std::uint64_t unaccounted() const;
};

/// The newest that was heard of every stream. What workers said is kept when
/// they leave. The larger of both sides' numbers counts as published, for the
/// router cannot have seen a number that was never given out.
class stream_ledger {
 public:
  /// A worker's publishers now.
  void note(const std::vector<published_stream>& streams);
  /// The router's view now.
  void note(const router_streams& view);

  /// Every stream of a topic that the router subscribes to, by topic and
  /// publisher.
  std::vector<stream_account> accounts() const;

 private:
  /// (topic, publisher_id).
  using key = std::pair<std::string, std::uint64_t>;

  bool is_followed(const published_stream& stream) const;

  std::map<key, published_stream> published_;
  std::map<key, received_stream> received_;
  std::vector<std::pair<std::string, std::string>> subscriptions_;
};

std::uint64_t unaccounted_events(const std::vector<stream_account>& accounts);

} // namespace dynamo::apps
