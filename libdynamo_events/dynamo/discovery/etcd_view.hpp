#pragma once

#include "dynamo/discovery/bucket_picture.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/etcd_listing.hpp"
#include "dynamo/discovery/etcd_messages.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dynamo {

/// What listings and a watch say of one bucket. Pure; time is what the caller
/// says it is.
class etcd_view {
 public:
  using clock_time = std::chrono::steady_clock::time_point;
  /// A key, and the revision with which the server has it; 0 when it has not.
  using difference = std::pair<std::string, std::int64_t>;

  /// `notice` outlives this object.
  etcd_view(bucket where, const notice_sink& notice);

  /// Until then, records that are gone are kept: their owners may not be back
  /// yet. Those that were put after the next listing are not meant.
  void hold_until(clock_time end) {
    held_until_ = end;
    is_back_ = false;
  }

  /// Takes the bucket as it is: returns how many keys were not as they were
  /// known.
  std::size_t take(const etcd_snapshot& snapshot, clock_time now);
  void take(const etcd_watch_event& event, clock_time now);
  /// What a listing of keys says otherwise than what is known.
  std::set<difference> differences(const etcd_snapshot& keys) const;

  /// The bucket cannot be seen. Nothing changes while it already cannot.
  void lose(const std::string& reason);
  /// Deletes what was kept for long enough.
  void settle(clock_time now);
  /// When that is; nothing while nothing is kept.
  std::optional<clock_time> due() const;

  /// The records among them, and what they are called; bad ones are counted.
  std::vector<found_record> records_of(const etcd_snapshot& snapshot);

  bucket where() const { return where_; }
  const bucket_picture& picture() const { return picture_; }
  std::uint64_t bad_records() const { return bad_records_; }

 private:
  struct known_key {
    std::int64_t revision = 0;
    /// It is gone, but its record is kept for now.
    bool held = false;
  };

  bool put(const etcd_key_value& value);
  /// Whether a key is kept for now, although it is gone.
  bool is_held(const std::string& key, const known_key& known,
               clock_time now) const;
  void erase(const std::string& key, clock_time now);
  /// The record, or nothing after its reason was said.
  std::optional<record> read(const std::string& key,
                             const etcd_key_value& value);
  /// The key within the bucket.
  std::string key_in_bucket(const etcd_key_value& value) const;

  const bucket where_;
  const std::string prefix_;
  const notice_sink& notice_;
  std::map<std::string, known_key> keys_;
  bucket_picture picture_;
  std::size_t held_ = 0;
  bool is_seen_ = false;
  /// The newest that was heard of.
  std::int64_t revision_ = 0;
  clock_time held_until_{};
  /// There was a listing since, and this was its revision.
  bool is_back_ = true;
  std::int64_t back_at_ = 0;
  /// Keys and revisions that were named as bad.
  std::map<std::string, std::int64_t> bad_;
  std::uint64_t bad_records_ = 0;
};

} // namespace dynamo
