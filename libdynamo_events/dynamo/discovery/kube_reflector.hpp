#pragma once

#include "dynamo/base/backoff.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/kube_http.hpp"
#include "dynamo/discovery/kube_messages.hpp"
#include "dynamo/discovery/kube_timing.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <string_view>

namespace dynamo {

/// The objects of one kind in one namespace.
struct kube_collection {
  /// For people: "endpointslices.discovery.k8s.io".
  std::string name;
  /// "/apis/discovery.k8s.io/v1/namespaces/dynamo/endpointslices"
  std::string path;
  /// A label selector as it stands in a URL; may be empty.
  std::string selector;
};

/// What objects are given to. Each tells what was new to it.
struct kube_collection_sink {
  std::function<bool(const nlohmann::json& object)> put;
  std::function<bool(const std::string& name)> remove;
  std::function<std::size_t(const std::set<std::string>& names)> keep;
};

/// Follows a collection: lists it, watches it from there on, and lists it again
/// when the watch cannot go on, and every now and then anyway. What is known
/// stays known whatever the server does. One thread at a time.
class kube_reflector {
 public:
  using clock_time = std::chrono::steady_clock::time_point;

  /// The references outlive this object.
  struct parts {
    kube_http& http;
    const kube_timing& timing;
    const notice_sink& notice;
  };

  kube_reflector(const parts& around, kube_collection what,
                 std::chrono::milliseconds relist, kube_collection_sink sink);

  void turn(clock_time now);
  clock_time due() const;

  /// All of it was seen once.
  bool is_synced() const { return is_synced_; }
  /// Why it cannot be seen, when that lasts; otherwise empty.
  const std::string& outage() const { return outage_; }
  /// The reason of the last failure since the last success.
  const std::string& failure() const { return failure_; }
  std::uint64_t repaired() const { return repaired_; }

 private:
  enum class phase { waiting, listing, watching };

  void list(const std::string& next);
  void on_page(const kube_answer& answer);
  void finish_list(const std::string& version);
  void watch();
  void on_line(const std::string& line);
  void on_watch_end(const kube_answer& answer);
  void on_error(const kube_watch_event& event);
  void put(const nlohmann::json& object);
  /// `status`: of HTTP; 0 when there was no answer, or it broke off.
  void fail(const std::string& reason, std::chrono::milliseconds advice,
            int status = 0);
  bool is_untold() const;
  void succeed();
  void relist_now(const std::string& reason);
  std::string query(const std::string& more) const;
  std::chrono::milliseconds about(std::chrono::milliseconds time);

  parts around_;
  const kube_collection what_;
  const std::chrono::milliseconds relist_;
  const kube_collection_sink sink_;
  std::mt19937_64 random_;
  backoff delay_;
  phase phase_ = phase::waiting;
  std::uint64_t request_ = 0;
  clock_time retry_at_;
  /// Where the next watch begins; empty: a list comes first.
  std::string version_;
  clock_time listed_at_;
  clock_time relist_at_;
  clock_time watch_began_;
  clock_time heard_at_;
  /// The listing under way: what it has shown so far.
  std::set<std::string> listed_;
  std::size_t changed_ = 0;
  /// It is made to find what the watch missed.
  bool is_repair_ = false;
  bool is_synced_ = false;
  bool is_too_many_ = false;
  clock_time failing_since_;
  std::string failure_;
  int failure_status_ = 0;
  /// What was told of it.
  std::string outage_;
  int told_status_ = 0;
  std::uint64_t repaired_ = 0;
};

} // namespace dynamo
