#pragma once

#include "actors/messages.hpp"
#include "actors/routing.hpp"
#include "actors/surroundings.hpp"
#include "dynamo/discovery/worker_record.hpp"

#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dynamo::actors {

/// What the router of one pool is made for.
struct pool_plan {
  router_plan plan;
  pool_role role = pool_role::both;
  /// What other routers know it by.
  std::uint64_t router_id = 0;
  /// Where it tells other routers of its requests; nothing: it does not.
  std::optional<publisher_handle> sequences;
  std::optional<publisher_handle> states;
};

/// Follows what the workers of one pool hold and do, and chooses where requests
/// run: step 7 of the receive path. The algorithms stand in router/kv_router.
///
/// receives  events_received, notice_received (subscribers of kv-events,
///           kv_metrics, forward passes and sequences); records_changed
///           (watcher); choose_worker, request_prefilled, request_grew,
///           request_ended, share_lookup, report_router, report_index,
///           report_requests
/// sends     answers only; publishes sequences
/// owns      the kv_router, and the answers that parked requests wait for
/// failure   what a worker holds stays for router_options::departed_ttl after
///           its records are gone: a worker that was only stopped comes back
///           to a router that still knows it
class router final : public caf::event_based_actor {
 public:
  router(caf::actor_config& config, pool_plan plan, const surroundings& around);

  caf::behavior make_behavior() override;
  const char* name() const override { return "router"; }

 private:
  struct followed_worker {
    std::optional<endpoint_instance> endpoint;
    std::optional<model_card> model;
    bool joined = false;
    std::optional<clock::time_point> gone_since;
  };

  struct followed_source {
    kv_source_metadata metadata;
    std::optional<clock::time_point> gone_since;
    /// It has no record, and is followed because of what it says.
    bool is_unnamed = false;
  };

  // -- router.cpp
  events_handled on_events_received(const events_received& fact);
  void on_notice_received(const notice_received& fact);
  void on_choose_worker(const choose_worker& command);
  request_noted on_request_prefilled(const request_prefilled& fact);
  request_noted on_request_grew(const request_grew& fact);
  request_noted on_request_ended(const request_ended& fact);
  lookup_shared on_share_lookup() const;
  pool_shown on_report() const;
  index_report on_report_index() const;
  pool_requests on_report_requests() const;
  void on_tick();
  void on_sync_due();
  void release();
  void tell_others();
  void note(timeline_entry entry);

  // -- router_members.cpp
  void on_records_changed(const records_changed& fact);
  void put(const record_put& change);
  void put_worker(const std::string& key, const record& value);
  void follow_unnamed(std::uint64_t publisher_id, const kv_events& events);
  void put_source(const std::string& key, const event_source& value);
  void erase(bucket where, const std::string& key);
  void forget_all_but(const records_changed& fact);
  void forget_departed();
  void join(std::uint64_t worker_id, followed_worker& one);
  void leave(std::uint64_t worker_id, followed_worker& one);
  bool belongs(const std::string& ns, const std::string& component,
               const std::string& endpoint) const;

  pool_plan plan_;
  const surroundings& around_;
  kv_router router_;
  std::mt19937_64 random_;
  std::map<std::uint64_t, followed_worker> workers_;
  std::map<std::uint64_t, followed_source> sources_;
  bool refused_unnamed_ = false;
  /// What each key of a bucket stands for: deletions name only the key, and a
  /// worker's endpoint and its model have the same one.
  std::map<std::pair<bucket, std::string>, record> records_;
  std::deque<timeline_entry> timeline_;
  /// By request.
  std::unordered_map<std::string, caf::response_promise> parked_;
  /// Publishers of kv-events that are connected, and other routers by the
  /// publishers that they speak through.
  std::set<std::uint64_t> connected_;
  std::map<std::uint64_t, std::uint64_t> replicas_;
  std::uint64_t sequence_gaps_ = 0;
  bool sync_is_due_ = false;
};

} // namespace dynamo::actors
