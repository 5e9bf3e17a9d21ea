#pragma once

#include "dynamo/discovery/etcd_client.hpp"

#include <chrono>
#include <cstdint>
#include <random>
#include <set>

namespace dynamo {

/// The lease to which everything belongs that this process puts: granted,
/// kept alive at a third of its time, and granted again when it was lost. One
/// thread at a time.
class etcd_lease {
 public:
  using clock_time = etcd_client::clock_time;

  /// The references outlive this object.
  etcd_lease(etcd_client& client, std::chrono::milliseconds ttl,
             const notice_sink& notice);

  /// 0 while there is none.
  std::int64_t id() const { return id_; }
  /// The id of the first one; 0 before that.
  std::int64_t first_id() const { return first_id_; }
  /// How many were granted.
  std::uint64_t grants() const { return grants_; }
  /// Whether a lease is, or was, one of this process.
  bool is_ours(std::int64_t id) const { return ours_.contains(id); }
  /// Why the first one was refused; empty when it was not.
  const std::string& refusal() const { return refusal_; }

  /// Somebody was told that it is not there.
  void doubt();
  /// Ends it, and with it all that belongs to it; `done` is called once.
  void revoke(std::function<void()> done);

  void turn(clock_time now);
  clock_time due() const;

 private:
  void grant();
  void on_granted(const etcd_answer& answer);
  void keep_alive();
  void on_kept(const etcd_answer& answer);
  void lose();
  std::chrono::milliseconds jittered(std::chrono::milliseconds time);

  etcd_client& client_;
  const std::chrono::milliseconds ttl_;
  const notice_sink& notice_;
  std::mt19937_64 random_;
  std::int64_t id_ = 0;
  std::int64_t first_id_ = 0;
  std::uint64_t grants_ = 0;
  std::set<std::int64_t> ours_;
  std::string refusal_;
  /// The first id is taken, though not by a lease that lives.
  bool wants_another_id_ = false;
  bool asking_ = false;
  bool ended_ = false;
  std::uint64_t seen_connection_ = 0;
  clock_time due_;
};

} // namespace dynamo
