#include "apps/router/metric_families.hpp"

#include "apps/app/metric_list.hpp"
#include "apps/router/count_rows.hpp"
#include "apps/router/worker_picture.hpp"
#include "dynamo/events/topic.hpp"

#include <functional>
#include <map>
#include <set>

namespace dynamo::apps {

namespace {

using actors::plane_status;
using actors::pool_report;
using actors::router_report;
using actors::stream_status;
using labels = metric_list::labels;

/// A name of our own.
std::string ours(std::string_view name) {
  return "dynamo_events_router_" + std::string{name};
}

/// A name of Dynamo's.
std::string component(std::string_view name) {
  return "dynamo_component_router_" + std::string{name};
}

/// Dynamo knows two: a worker that does both is one that decodes.
std::string worker_type(const pool_report& pool) {
  return pool.role == pool_role::prefill ? "prefill" : "decode";
}

labels of_pool(const pool_report& pool) {
  return {{"worker_type", worker_type(pool)}};
}

labels of_rank(const pool_report& pool, const rank_report& rank,
               const char* worker_label = "worker_id") {
  return {{worker_label, std::to_string(rank.rank.worker_id)},
          {"dp_rank", std::to_string(rank.rank.dp_rank)},
          {"worker_type", worker_type(pool)}};
}

// -- What a router has counted

void add_counts(metric_list& to, const router_report& report) {
  for (const count_row& row : count_rows()) {
    std::string name = ours(row.group);
    name += row.name.empty() ? "" : "_" + std::string{row.name};
    if (row.grows == count_row::growth::both_ways) {
      to.begin_gauge(std::move(name), row.meaning);
    } else {
      to.begin_counter(name + "_total", row.meaning);
    }
    for (const pool_report& pool : report.pools) {
      to.add(row.of(pool.counts), of_pool(pool));
    }
  }
}

/// By kind and outcome, under the names of Dynamo's 1.4 and of older ones.
void add_applied(metric_list& to, const router_report& report) {
  for (const char* name : {"dynamo_component_kv_cache_events_applied",
                           "dynamo_kvrouter_kv_cache_events_applied"}) {
    to.begin_counter(name, "Cache events by kind and outcome");
    for (const pool_report& pool : report.pools) {
      const auto add = [&](const char* kind, const char* outcome,
                           std::uint64_t count) {
        to.add(count, {{"event_type", kind},
                       {"status", outcome},
                       {"worker_type", worker_type(pool)}});
      };
      add("stored", "ok", pool.counts.stored);
      add("stored", "parent_block_not_found", pool.counts.parent_unknown);
      add("stored", "invalid_block", pool.counts.invalid);
      add("removed", "ok", pool.counts.removed);
      add("cleared", "ok", pool.counts.cleared);
    }
  }
}

// -- What a pool is like

void add_pools(metric_list& to, const router_report& report) {
  const auto gauge = [&](const std::string& name, const char* help,
                         const std::function<double(const pool_report&)>& of) {
    to.begin_gauge(name, help);
    for (const pool_report& pool : report.pools) {
      to.add(of(pool), of_pool(pool));
    }
  };
  gauge(ours("members"), "Ranks that may be chosen",
        [](const auto& pool) { return pool.members; });
  gauge(ours("sources"), "Publishers of cache events in discovery",
        [](const auto& pool) { return pool.sources; });
  gauge(ours("sources_in_sync"), "Of them, those that are in sync",
        [](const auto& pool) { return pool.sources_in_sync; });
  gauge(ours("replicas"), "Other routers that are heard",
        [](const auto& pool) { return pool.replicas.size(); });
  gauge(ours("index_bytes"), "Memory of the index",
        [](const auto& pool) { return pool.index.bytes; });
  gauge(ours("index_blocks"), "Pairs of rank and block in the index",
        [](const auto& pool) { return block_total(pool.index.blocks); });
  gauge(ours("index_device_nodes"), "Distinct blocks on devices",
        [](const auto& pool) { return pool.index.device_nodes; });
  gauge(ours("index_ranks"), "Ranks in the index",
        [](const auto& pool) { return pool.index.ranks; });
  gauge("dynamo_frontend_router_queue_pending_requests",
        "Requests that wait for capacity",
        [](const auto& pool) { return pool.parked; });
  to.begin_counter(component("requests_total"), "Requests that got a worker");
  for (const pool_report& pool : report.pools) {
    to.add(pool.counts.chosen, of_pool(pool));
  }
  to.begin_counter(ours("sequence_gaps_total"),
                   "Messages of other routers that got lost");
  for (const pool_report& pool : report.pools) {
    to.add(pool.sequence_gaps, of_pool(pool));
  }
}

/// Workers whose kv-events are not heard, or in doubt.
void add_mismatches(metric_list& to, const router_report& report) {
  to.begin_gauge(component("kv_event_source_mismatch_workers"),
                 "Workers with a rank whose source is missing or ambiguous");
  for (const pool_report& pool : report.pools) {
    std::set<std::uint64_t> workers;
    for (const rank_report& rank : pool.ranks) {
      if (rank.member && (rank.contested || !rank.publisher_id)) {
        workers.insert(rank.rank.worker_id);
      }
    }
    to.add(workers.size(), {{"worker_type", worker_type(pool)},
                            {"target_namespace", pool.owner.ns},
                            {"target_component", pool.owner.component},
                            {"target_endpoint", pool.owner.endpoint}});
  }
}

// -- What a rank is like

class rank_gauges {
 public:
  rank_gauges(metric_list& to, const router_report& report)
      : to_(to)
      , report_(report) {}

  void add(const std::string& name, const char* help,
           const std::function<double(const rank_report&)>& of,
           const char* worker_label = "worker_id") {
    to_.begin_gauge(name, help);
    std::size_t shown = 0;
    for (const pool_report& pool : report_.pools) {
      for (const rank_report& rank : pool.ranks) {
        if (shown++ == metric_ranks_max) {
          return;
        }
        to_.add(of(rank), of_rank(pool, rank, worker_label));
      }
    }
  }

 private:
  metric_list& to_;
  const router_report& report_;
};

void add_ranks(metric_list& to, const router_report& report) {
  rank_gauges gauges{to, report};
  gauges.add(
      component("worker_registered"), "Whether the rank may be chosen",
      [](const auto& rank) { return rank.member ? 1 : 0; }, "router_worker_id");
  gauges.add("dynamo_frontend_worker_active_decode_blocks",
             "Blocks that the rank's requests use",
             [](const auto& rank) { return rank.load.active_decode_blocks; });
  gauges.add("dynamo_frontend_worker_active_prefill_tokens",
             "Prompt tokens that the rank has still to compute",
             [](const auto& rank) { return rank.load.active_prefill_tokens; });
  gauges.add(ours("rank_active_requests"), "Requests booked on the rank",
             [](const auto& rank) { return rank.load.active_requests; });
  gauges.add(ours("rank_blocks"), "Blocks that the rank holds, in all tiers",
             [](const auto& rank) { return block_total(rank.blocks); });
  gauges.add(ours("rank_predicted_blocks"),
             "Blocks that the rank is believed to hold",
             [](const auto& rank) { return rank.predicted; });
  gauges.add(ours("rank_index_bytes"), "The rank's share of the index",
             [](const auto& rank) { return rank.bytes; });
  gauges.add(ours("rank_trust"), "What the rank's cached blocks are worth",
             [](const auto& rank) { return rank.trust; });
  gauges.add(ours("rank_in_sync"), "Whether every event has been applied",
             [](const auto& rank) {
               return rank.sync == sync_state::in_sync ? 1 : 0;
             });
  gauges.add(ours("rank_overloaded"), "Whether the rank gets no requests",
             [](const auto& rank) { return rank.overloaded ? 1 : 0; });
  gauges.add(ours("rank_orphans_held"), "Events held for their parents",
             [](const auto& rank) { return rank.orphans_held; });

  std::size_t ranks = 0;
  for (const pool_report& pool : report.pools) {
    ranks += pool.ranks.size();
  }
  to.begin_gauge(ours("ranks"), "Ranks known, as members or from events");
  to.add(ranks);
}

// -- What arrives

template <class Each>
void for_streams(const plane_status& plane, std::string_view topic, Each each) {
  for (const auto& subscription : plane.subscriptions) {
    if (subscription.topic == topic) {
      for (const stream_status& stream : subscription.streams) {
        each(stream);
      }
    }
  }
}

std::uint64_t sum(const plane_status& plane, std::string_view topic,
                  std::uint64_t (*of)(const stream_status& stream)) {
  std::uint64_t total = 0;
  for_streams(plane, topic, [&](const auto& each) { total += of(each); });
  return total;
}

/// Dynamo has these for direct ZMQ alone; here they are about either transport.
void add_ingress(metric_list& to, const plane_status& plane) {
  std::map<std::string, std::uint64_t> states{
      {"active", 0}, {"connecting", 0}, {"failed", 0}, {"lost", 0}};
  std::uint64_t sources = 0;
  for_streams(plane, topics::kv_events, [&](const auto& stream) {
    const bool active = stream.connection == connection_state::connected;
    ++states[active ? "active" : std::string{to_string(stream.connection)}];
  });
  for_streams(plane, topics::active_sequences, [&](const auto&) { ++sources; });
  const std::string kv = component("kv_zmq_ingress_");
  to.begin_gauge(kv + "sources", "Publishers of cache events by connection");
  for (const auto& [state, count] : states) {
    to.add(count, {{"state", state}});
  }
  to.begin_counter(kv + "batches_total", "Messages with cache events");
  to.add(sum(plane, topics::kv_events,
             [](const auto& each) { return each.counts.received; }));
  to.begin_counter(kv + "lifecycle_total", "What happened to publishers");
  to.add(sum(plane, topics::kv_events,
             [](const auto& each) { return each.reconnects; }),
         {{"action", "reconnected"}});
  to.add(sum(plane, topics::kv_events,
             [](const auto& each) { return each.counts.restarts; }),
         {{"action", "restarted"}});

  const std::string sequence = component("active_sequence_zmq_ingress_");
  const auto total = [&](const char* name, const char* help,
                         std::uint64_t (*of)(const stream_status&)) {
    to.begin_counter(sequence + name, help);
    to.add(sum(plane, topics::active_sequences, of));
  };
  to.begin_gauge(sequence + "sources", "Other routers' publishers");
  to.add(sources);
  total("sequence_gaps_total", "Messages of other routers that got lost",
        [](const auto& each) { return each.counts.missed; });
  total("out_of_order_total", "Messages of other routers that came twice",
        [](const auto& each) { return each.counts.duplicates; });
  total("reconnects_total", "Connections to other routers made again",
        [](const auto& each) { return each.reconnects; });
  total("replacements_total", "Publishers of other routers that began again",
        [](const auto& each) { return each.counts.restarts; });
  total("payload_decode_errors_total",
        "Messages of other routers that could not be read",
        [](const auto& each) { return each.unreadable; });
}

void add_plane(metric_list& to, const plane_status& plane) {
  const auto counter = [&](const char* name, const char* help,
                           std::uint64_t value) {
    to.begin_counter(ours(name), help);
    to.add(value);
  };
  const receiver_counts& in = plane.receiver;
  counter("receiver_messages_total", "Messages taken", in.accepted);
  counter("receiver_bytes_total", "Bytes of them", in.bytes);
  to.begin_counter(ours("receiver_refused_total"),
                   "Messages thrown away unread");
  to.add(in.bad_parts, {{"reason", "parts"}});
  to.add(in.bad_topic, {{"reason", "topic"}});
  to.add(in.bad_identity, {{"reason", "identity"}});
  to.add(in.bad_frame, {{"reason", "frame"}});
  to.add(in.bad_envelope, {{"reason", "envelope"}});
  to.add(in.overflowed, {{"reason", "overflow"}});
  counter("discovery_bad_records_total", "Records that could not be read",
          plane.records.bad_records);
  counter("restarts_total", "Parts that died and were started again",
          plane.restarts);
  to.begin_gauge(ours("discovery_stale"),
                 "Whether discovery cannot be reached");
  to.add(plane.discovery_stale ? 1 : 0);
  if (plane.link) {
    to.begin_gauge(ours("nats_connected"),
                   "Whether the NATS server can be reached");
    to.add(plane.link->state == link_state::connected ? 1 : 0);
  }
}

} // namespace

std::vector<prometheus::MetricFamily>
metric_families(const router_report& report, const plane_status& plane) {
  metric_list all;
  add_counts(all, report);
  add_applied(all, report);
  add_pools(all, report);
  add_mismatches(all, report);
  add_ranks(all, report);
  add_ingress(all, plane);
  add_plane(all, plane);
  return all.take();
}

} // namespace dynamo::apps
