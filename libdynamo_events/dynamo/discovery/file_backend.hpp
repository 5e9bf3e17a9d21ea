#pragma once

#include "dynamo/discovery/change_feed.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/file_directory.hpp"
#include "dynamo/discovery/file_keeper.hpp"
#include "dynamo/discovery/file_reaper.hpp"
#include "dynamo/discovery/file_store.hpp"
#include "dynamo/discovery/file_timing.hpp"
#include "dynamo/discovery/file_view.hpp"
#include "dynamo/discovery/file_watch.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dynamo {

/// The file discovery without its thread: everything happens within a call,
/// and time is what the caller says it is. One thread at a time.
class file_backend {
 public:
  file_backend(file_store store, file_timing timing, notice_sink notice);

  /// As the members of `discovery`. `watch` and `turn` call the wakes of the
  /// feeds.
  status advertise(const record& value, const file_moment& now);
  status withdraw(const record& value);
  result<std::vector<found_record>> list(bucket where, const file_moment& now);
  void watch(change_feed feed, const file_moment& now);
  discovery_counts counts() const;

  /// Withdraws everything; the last call.
  void close() { keeper_.withdraw_all(); }

  /// Does what is due and takes in what the system tells.
  void turn(const file_moment& now);

  /// When the next turn is due, unless `descriptor` becomes readable before.
  std::chrono::steady_clock::time_point due(const file_moment& now) const;
  int descriptor() const { return watch_.descriptor(); }

 private:
  /// A bucket that this process uses. Its files are only read once somebody
  /// asks for them: whoever just advertises has nothing to do when others do.
  struct room {
    file_directory directory;
    file_view view;
  };

  room& open(bucket where, const file_moment& now);
  /// The same, and its files are known.
  room& open_and_see(bucket where, const file_moment& now);
  void check(room& used, const file_moment& now);
  void fill(room& used, const file_moment& now);
  void take_notices(const file_moment& now);
  void apply(const file_notice& notice, const file_moment& now);
  /// The entries; nothing, and the directory is lost, when they cannot be
  /// read.
  std::vector<file_entry> entries(bucket where, room& used,
                                  const file_moment& now);
  void rescan(bucket where, room& used, const file_moment& now);
  void tell();

  const file_store store_;
  const file_timing timing_;
  const notice_sink notice_;
  file_watch watch_;
  file_keeper keeper_;
  file_reaper reaper_;
  std::map<bucket, room> rooms_;
  std::vector<change_feed> feeds_;
  std::chrono::steady_clock::time_point keep_alive_due_;
  std::chrono::steady_clock::time_point rescan_due_;
  std::uint64_t reaped_ = 0;
  std::uint64_t repaired_ = 0;
};

} // namespace dynamo
