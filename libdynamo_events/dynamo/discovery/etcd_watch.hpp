#pragma once

#include "dynamo/base/backoff.hpp"
#include "dynamo/discovery/etcd_keeper.hpp"
#include "dynamo/discovery/etcd_view.hpp"

#include <chrono>
#include <cstdint>
#include <random>
#include <set>
#include <string>

namespace dynamo {

/// How long a watch waits for what.
struct etcd_watch_times {
  /// Until a server has to have answered.
  std::chrono::milliseconds request{5'000};
  std::chrono::milliseconds compare{10'000};
  std::chrono::milliseconds grace{10'000};
};

/// Follows one bucket: lists it, watches it from the next revision on, compares
/// now and then, and begins again when any of that fails. One thread at a time.
class etcd_watch {
 public:
  using clock_time = etcd_client::clock_time;

  struct parts {
    etcd_client& client;
    etcd_keeper& keeper;
    etcd_view& view;
    const etcd_timing& timing;
    const notice_sink& notice;
  };

  /// What `around` refers to outlives this object.
  etcd_watch(const parts& around, const etcd_watch_times& times);

  void turn(clock_time now);
  clock_time due() const;

  /// Differences that no watch had told of.
  std::uint64_t repaired() const { return repaired_; }

 private:
  enum class phase { idle, listing, opening, watching };

  void list();
  void on_listed(result<etcd_snapshot> listed);
  void open(std::int64_t revision);
  void on_message(const std::string& message);
  void on_end(const grpc_end& end);
  void compare();
  void on_compared(result<etcd_snapshot> listed);
  void begin_again(const std::string& reason);
  etcd_listing listing(bool keys_only) const;
  clock_time next_compare(clock_time now);

  parts around_;
  const etcd_watch_times times_;
  std::mt19937_64 random_;
  phase phase_ = phase::idle;
  std::uint64_t connection_ = 0;
  /// The present attempt; answers to others are ignored.
  std::uint64_t attempt_ = 0;
  std::uint64_t call_ = 0;
  bool was_synced_ = false;
  bool is_repair_ = false;
  bool comparing_ = false;
  std::set<etcd_view::difference> suspects_;
  backoff delay_;
  clock_time retry_at_;
  clock_time open_by_;
  clock_time compare_at_;
  std::uint64_t repaired_ = 0;
};

} // namespace dynamo
