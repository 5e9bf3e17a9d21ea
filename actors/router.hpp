#pragma once

#include "actors/messages.hpp"
#include "actors/routing.hpp"
#include "actors/surroundings.hpp"
#include "dynamo/discovery/worker_record.hpp"

#include <deque>
#include <map>
#include <random>
#include <string>
#include <utility>

namespace dynamo::actors {

/// Follows what workers hold and do, and chooses where requests run: step 7 of
/// the receive path. The algorithms stand in router/kv_router.
///
/// receives  events_received, notice_received (subscribers of kv-events and
///           kv_metrics); records_changed (watcher); choose_worker,
///           request_prefilled, request_ended, find_overlaps, report_router,
///           report_index
/// sends     answers only
/// owns      the kv_router
/// failure   what a worker holds stays for router_options::departed_ttl after
///           its records are gone: a worker that was only stopped comes back
///           to a router that still knows it
class router final : public caf::event_based_actor {
 public:
  router(caf::actor_config& config, router_plan plan,
         const surroundings& around);

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
  };

  events_handled on_events_received(const events_received& fact);
  void on_notice_received(const notice_received& fact);
  void on_records_changed(const records_changed& fact);
  worker_chosen on_choose_worker(const choose_worker& command);
  request_noted on_request_prefilled(const request_prefilled& fact);
  request_noted on_request_ended(const request_ended& fact);
  overlaps_found on_find_overlaps(const find_overlaps& question) const;
  router_report on_report() const;
  index_report on_report_index() const;
  void on_tick();

  void put(const record_put& change);
  void put_worker(const std::string& key, const record& value);
  void put_source(const std::string& key, const event_source& value);
  void erase(bucket where, const std::string& key);
  void forget_all_but(const records_changed& fact);
  void join(std::uint64_t worker_id, followed_worker& one);
  void leave(std::uint64_t worker_id, followed_worker& one);
  bool belongs(const std::string& ns, const std::string& component,
               const std::string& endpoint) const;
  void note(timeline_entry entry);

  router_plan plan_;
  const surroundings& around_;
  kv_router router_;
  std::mt19937_64 random_;
  std::map<std::uint64_t, followed_worker> workers_;
  std::map<std::uint64_t, followed_source> sources_;
  /// What each key of a bucket stands for: deletions name only the key, and a
  /// worker's endpoint and its model have the same one.
  std::map<std::pair<bucket, std::string>, record> records_;
  std::deque<timeline_entry> timeline_;
};

} // namespace dynamo::actors
