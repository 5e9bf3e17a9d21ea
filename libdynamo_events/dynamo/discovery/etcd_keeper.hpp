#pragma once

#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/etcd_client.hpp"
#include "dynamo/discovery/etcd_lease.hpp"
#include "dynamo/discovery/etcd_messages.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// The keys that this process wants to be there, and what brings and keeps them
/// there. Many are on their way at a time; of one key, one operation. One
/// thread at a time.
class etcd_keeper {
 public:
  using clock_time = etcd_client::clock_time;
  using done_sink = std::function<void(const status& outcome)>;

  /// The references outlive this object.
  etcd_keeper(etcd_client& client, etcd_lease& lease, const etcd_timing& timing,
              const notice_sink& notice);

  /// As discovery::advertise and discovery::withdraw; `done` is called once,
  /// within `answer` of the timing. What could not be stored or removed by then
  /// is as soon as etcd is back.
  void advertise(const record& value, clock_time now, done_sink done);
  void withdraw(const record& value, clock_time now, done_sink done);

  /// What a watch says of a key, which may be one of ours: that a revision
  /// changed or deleted it.
  void changed(std::string_view key, std::int64_t revision);
  void deleted(std::string_view key, std::int64_t revision);
  /// Asks the server whether all that is ours is as we put it.
  void check();

  void turn(clock_time now);
  clock_time due() const;

  /// Whoever still waits is told that it is over.
  void close();

  std::uint64_t owned() const;
  std::uint64_t republished() const { return republished_; }

 private:
  enum class standing {
    /// Has to be put, or to be looked at.
    wanted,
    /// There, as we put it.
    kept,
    /// It cannot be put: another process's record stands there, or the server
    /// refuses it.
    refused,
    /// Has to go.
    unwanted,
  };
  struct waiter {
    done_sink done;
    clock_time deadline;
  };
  struct entry {
    std::string value;
    standing is = standing::wanted;
    /// An operation is on its way.
    bool busy = false;
    /// Something else is wanted since that began.
    bool overtaken = false;
    /// The server was asked to put it.
    bool was_sent = false;
    /// It was there once.
    bool was_kept = false;
    /// It was there, and is to be put again.
    bool lost = false;
    /// Not 0: what stands there has this revision and is to be replaced.
    std::int64_t replace = 0;
    /// The revision that put it.
    std::int64_t revision = 0;
    /// The refusal that was said.
    std::string told;
    std::vector<waiter> waiters;
  };

  void want(const std::string& key, entry& one, standing is);
  void start(const std::string& key, entry& one);
  void put(const std::string& key, entry& one);
  void remove(const std::string& key);
  void on_put(const std::string& key, const etcd_answer& answer);
  void on_removed(const std::string& key, const etcd_answer& answer);
  void judge(const std::string& key, const etcd_key_value& there);
  void keep(entry& one, std::int64_t revision);
  void refuse(const std::string& key, const error& reason);
  void check_some(std::map<std::string, std::int64_t> revisions);
  void differs(const std::string& key, std::int64_t expected,
               std::int64_t found);
  void lose(const std::string& key, entry& one);
  void tell_late(clock_time now);
  static void tell(entry& one, const status& outcome);

  etcd_client& client_;
  etcd_lease& lease_;
  const etcd_timing& timing_;
  const notice_sink& notice_;
  std::map<std::string, entry, std::less<>> entries_;
  /// Keys for which something has to be done.
  std::set<std::string> pending_;
  std::size_t in_flight_ = 0;
  std::uint64_t seen_grants_ = 0;
  std::uint64_t seen_connection_ = 0;
  std::uint64_t republished_ = 0;
  clock_time retry_at_;
};

} // namespace dynamo
