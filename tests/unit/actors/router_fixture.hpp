#pragma once

#include "actors/router.hpp"
#include "actors/router_messages.hpp"
#include "dynamo/discovery/worker_record.hpp"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "unit/actors/plane_fixture.hpp"

// A router, or several, and workers on a deterministic scheduler.

namespace dynamo::actors::test {

using hashes = std::vector<std::uint64_t>;

/// What every rank of these tests stores: block b has the local hash 100 + b.
inline const hashes prompt{101, 102, 103, 104};

inline endpoint_instance endpoint_of(std::uint64_t worker_id) {
  endpoint_instance served{"dynamo", "backend", "generate", worker_id};
  served.transport =
      tcp_transport_json(served, "10.0.0." + std::to_string(worker_id) + ":80");
  return served;
}

inline model_card card_of(std::uint64_t worker_id, std::uint32_t ranks) {
  return {"dynamo", "backend", "generate", worker_id,
          R"({"runtime_config":{"data_parallel_size":)" +
              std::to_string(ranks) + "}}"};
}

/// Blocks [first, last], each the child of the one before.
inline kv_events stored(worker_rank rank, std::uint64_t event_id,
                        std::uint64_t first, std::uint64_t last) {
  kv_stored made;
  if (first > 1) {
    made.parent_hash = first - 1;
  }
  for (std::uint64_t block = first; block <= last; ++block) {
    made.blocks.push_back({block, 100 + block, {}});
  }
  router_event event;
  event.worker_id = rank.worker_id;
  event.domain = residency_domain::worker;
  event.event = {event_id, std::move(made), rank.dp_rank};
  return {event};
}

/// A cluster with one router, made as actors/routing.cpp makes it.
class routed_cluster {
 public:
  explicit routed_cluster(router_options options = {})
      : router_(start_router(nodes.start(), options, 1)) {}

  ~routed_cluster() {
    for (const caf::actor& each : routers_) {
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    }
    nodes.run();
  }
  routed_cluster(const routed_cluster&) = delete;
  routed_cluster& operator=(const routed_cluster&) = delete;

  /// A process whose worker is in discovery.
  cluster::process& add_worker(std::uint64_t id, std::uint32_t ranks = 1) {
    auto& process = nodes.start();
    REQUIRE(process.parts->watcher.store->advertise(card_of(id, ranks)));
    REQUIRE(process.parts->watcher.store->advertise(endpoint_of(id)));
    nodes.run();
    return process;
  }

  /// A publisher of one rank's kv-events, connected to the router.
  publisher_handle publish(cluster::process& on, worker_rank rank,
                           std::optional<publisher_options> options = {}) {
    auto out = start_publisher_on(
        on.root, *on.parts,
        {backend, std::string{topics::kv_events},
         kv_source_metadata{backend, rank.worker_id, rank.dp_rank, 0},
         options});
    nodes.advance(50ms);
    return out;
  }

  /// Another router of the same workers.
  caf::actor start_router(cluster::process& on, router_options options,
                          std::uint64_t router_id) {
    pool_plan plan;
    plan.plan.owner = backend;
    plan.plan.options = options;
    plan.router_id = router_id;
    if (options.replicas.sync) {
      publisher_options unheld;
      unheld.hold_without_subscriber = false;
      const auto publish = [&](std::string_view topic) {
        return start_publisher_on(on.root, *on.parts,
                                  {backend, std::string{topic}, {}, unheld});
      };
      plan.sequences = publish(topics::active_sequences);
      plan.states = publish(topics::sequence_state);
    }
    const caf::actor made =
        nodes.system.spawn<actors::router>(std::move(plan), on.parts->around);
    routers_.push_back(made);
    for (const bucket where :
         {bucket::models, bucket::instances, bucket::event_sources}) {
      follow(on, made, where);
    }
    std::vector<std::string_view> wanted{topics::kv_events, topics::kv_metrics,
                                         topics::forward_pass};
    if (options.replicas.sync) {
      wanted.push_back(topics::active_sequences);
      wanted.push_back(topics::sequence_state);
    }
    for (const std::string_view topic : wanted) {
      nodes.subscribe(on, made, topic);
    }
    return made;
  }

  worker_chosen choose(const std::string& request_id) {
    return choose_at(router_, request_id);
  }

  worker_chosen choose_at(const caf::actor& router,
                          const std::string& request_id) {
    return nodes.ask<worker_chosen>(router, question(router, request_id));
  }

  /// As actors/routing.cpp asks: looked up first.
  choose_worker question(const caf::actor& router,
                         const std::string& request_id) {
    route_request request;
    request.request_id = request_id;
    request.local = prompt;
    return {
        std::make_shared<const route_request>(request),
        std::make_shared<const std::vector<rank_overlap>>(overlaps(router))};
  }

  const caf::actor& first() const { return router_; }

  pool_report report() { return report_at(router_); }

  pool_report report_at(const caf::actor& router) {
    return nodes.ask<pool_shown>(router, report_router{}).pool;
  }

  rank_report report_of(worker_rank rank) { return report_of(router_, rank); }

  rank_report report_of(const caf::actor& router, worker_rank rank) {
    for (const rank_report& one : report_at(router).ranks) {
      if (one.rank == rank) {
        return one;
      }
    }
    return {};
  }

  std::uint64_t device_blocks(worker_rank rank) {
    return report_of(rank).blocks.front();
  }

  std::vector<rank_overlap> overlaps() { return overlaps(router_); }

  std::vector<rank_overlap> overlaps(const caf::actor& router) {
    return nodes.ask<lookup_shared>(router, share_lookup{})
        .lookup->find_matches(prompt);
  }

  bool timeline_has(std::string_view what) {
    const auto timeline =
        nodes.ask<pool_shown>(router_, report_router{}).timeline;
    return std::any_of(
        timeline.begin(), timeline.end(),
        [what](const timeline_entry& entry) { return entry.what == what; });
  }

  template <class Fact>
  bool note(Fact fact) {
    return note_at(router_, std::move(fact));
  }

  template <class Fact>
  bool note_at(const caf::actor& router, Fact fact) {
    return nodes.ask<request_noted>(router, std::move(fact)).known;
  }

  index_report index() {
    return nodes.ask<index_report>(router_, report_index{});
  }

  cluster nodes;

 private:
  void follow(cluster::process& on, const caf::actor& router, bucket where) {
    const auto tell = [router, where](const discovery_change& change) {
      using changes = std::vector<discovery_change>;
      seam::anon_send(
          router,
          records_changed{
              where, std::make_shared<const changes>(changes{change}), false});
    };
    seam::anon_send(on.root, start_observer{where, tell});
    nodes.run();
  }

  std::vector<caf::actor> routers_;
  caf::actor router_;
};

inline const route_choice* choice_in(const worker_chosen& answer) {
  return std::get_if<route_choice>(&answer.outcome);
}

inline constexpr worker_rank seven{7, 0};
inline constexpr worker_rank eight{8, 0};

} // namespace dynamo::actors::test
