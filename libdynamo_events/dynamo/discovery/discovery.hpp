#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/base/inbox.hpp"
#include "dynamo/discovery/record.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace dynamo {

/// A record as it is found in the store.
struct found_record {
  bucket where = bucket::event_channels;
  std::string key;
  record value;
  /// Since its owner last showed signs of life; 0 when unknown.
  std::chrono::milliseconds age{0};
};

/// A record is there, new or with another value than before.
struct record_put {
  bucket where = bucket::event_channels;
  std::string key;
  record value;
};

/// A record is gone.
struct record_deleted {
  bucket where = bucket::event_channels;
  std::string key;
};

/// The first complete picture of a watched bucket was delivered before this,
/// or the picture is complete again after a `watch_stale`.
struct watch_synced {
  bucket where = bucket::event_channels;
};

/// The store cannot be seen. What was known before stays; it may be old.
struct watch_stale {
  bucket where = bucket::event_channels;
  std::string reason;
};

using discovery_change =
    std::variant<record_put, record_deleted, watch_synced, watch_stale>;

using discovery_inbox = inbox<discovery_change>;

/// Totals of one backend.
struct discovery_counts {
  /// Records of ours that are kept alive.
  std::uint64_t owned = 0;
  /// Records of ours that had vanished and were put again.
  std::uint64_t republished = 0;
  /// Values or keys that could not be read; each is named once in the log.
  std::uint64_t bad_records = 0;
  /// Expired records of others that were removed.
  std::uint64_t reaped = 0;
  /// Differences that a full scan found and no notice had told.
  std::uint64_t repaired = 0;
};

/// What a backend has to say to the log; called from any thread, must not
/// block.
using notice_sink = std::function<void(const std::string& text)>;

/// Asked every now and then while something waits for a server; true: give up.
/// From any thread, must not block.
using stop_check = std::function<bool()>;

/// What became of something that was begun; called once, from any thread,
/// perhaps before the call that began it returns. Must not block.
using outcome_sink = std::function<void(const status& outcome)>;

/// A store in which processes find each other. Thread-safe.
class discovery {
 public:
  virtual ~discovery() = default;

  /// The id of this process in the store: instance id of its endpoints.
  virtual std::uint64_t instance_id() const = 0;

  /// Puts a record of ours and keeps it alive until it is withdrawn or this
  /// object is destroyed. A record under the same key is left as it is when it
  /// is ours and equal, and replaced when it is ours and differs.
  /// errc::exists when another process owns the key; when that one is dead, a
  /// retry works after its record expired. errc::invalid for a record that
  /// cannot be stored (check_record).
  virtual status advertise(const record& value) = 0;

  /// Removes a record of ours. errc::not_found when there is none; harmless.
  virtual status withdraw(const record& value) = 0;

  /// As `advertise` and `withdraw` for each of several records, but where the
  /// store is a server nobody waits for it: `done` hears of the first failure,
  /// or that there was none.
  virtual void begin_advertise(std::vector<record> values, outcome_sink done);
  virtual void begin_withdraw(std::vector<record> values, outcome_sink done);

  /// What the bucket holds now. Records that cannot be read are left out and
  /// counted.
  virtual result<std::vector<found_record>> list(bucket where) = 0;

  /// Reports the bucket's records to `changes`, first all that are there, then
  /// watch_synced, then whatever changes, until this object is destroyed.
  /// `wake` is called from a thread of the backend when the inbox stops being
  /// empty; it must not block and must not call this object. The inbox must be
  /// one that drops its newest: a change that it drops is reported again by the
  /// next full scan. Changes are states, not a history: a record that comes and
  /// goes between two looks is not reported.
  virtual status watch(bucket where, std::shared_ptr<discovery_inbox> changes,
                       std::function<void()> wake) = 0;

  virtual discovery_counts counts() const = 0;
};

} // namespace dynamo
