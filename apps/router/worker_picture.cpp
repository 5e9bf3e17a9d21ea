#include "apps/router/worker_picture.hpp"

#include "apps/router/json_parts.hpp"
#include "dynamo/events/topic.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace dynamo::apps {

namespace {

using nlohmann::json;
using streams_by_publisher = std::map<std::uint64_t, actors::stream_status>;

streams_by_publisher kv_streams(const actors::plane_status& plane) {
  streams_by_publisher streams;
  for (const auto& subscription : plane.subscriptions) {
    if (subscription.topic == topics::kv_events) {
      for (const auto& stream : subscription.streams) {
        streams.emplace(stream.publisher_id, stream);
      }
    }
  }
  return streams;
}

json capacity_json(const rank_capacity& capacity) {
  return {{"kv_total_blocks", or_null(capacity.kv_total_blocks)},
          {"max_num_batched_tokens", or_null(capacity.max_num_batched_tokens)}};
}

json reported_json(const std::optional<active_load>& reported) {
  if (!reported) {
    return nullptr;
  }
  return {{"active_decode_blocks", or_null(reported->active_decode_blocks)},
          {"active_prefill_tokens", or_null(reported->active_prefill_tokens)},
          {"kv_used_blocks", or_null(reported->kv_used_blocks)}};
}

json forward_pass_json(const std::optional<forward_pass_metrics>& pass) {
  if (!pass) {
    return nullptr;
  }
  const scheduled_requests& scheduled = pass->scheduled;
  const queued_requests& queued = pass->queued;
  return {{"counter_id", pass->counter_id},
          {"wall_time", pass->wall_time},
          {"scheduled",
           {{"num_prefill_requests", scheduled.num_prefill_requests},
            {"sum_prefill_tokens", scheduled.sum_prefill_tokens},
            {"var_prefill_length", scheduled.var_prefill_length},
            {"sum_prefill_kv_tokens", scheduled.sum_prefill_kv_tokens},
            {"num_decode_requests", scheduled.num_decode_requests},
            {"sum_decode_kv_tokens", scheduled.sum_decode_kv_tokens},
            {"var_decode_kv_tokens", scheduled.var_decode_kv_tokens}}},
          {"queued",
           {{"num_prefill_requests", queued.num_prefill_requests},
            {"sum_prefill_tokens", queued.sum_prefill_tokens},
            {"var_prefill_length", queued.var_prefill_length},
            {"num_decode_requests", queued.num_decode_requests},
            {"sum_decode_kv_tokens", queued.sum_decode_kv_tokens},
            {"var_decode_kv_tokens", queued.var_decode_kv_tokens}}}};
}

/// What its kv-events say, and how far that can be trusted.
json knowledge_json(const rank_report& rank) {
  return {{"dp_rank", rank.rank.dp_rank},
          {"publisher_id", or_null(rank.publisher_id)},
          {"contested", rank.contested},
          {"state", to_string(rank.sync)},
          {"trust", rank.trust},
          {"unproven_ms", ms_or_null(rank.unproven)},
          {"last_event_id", or_null(rank.last_event_id)},
          {"event_gaps", rank.gaps},
          {"events_missed", rank.missed},
          {"orphans", rank.orphans},
          {"orphans_held", rank.orphans_held},
          {"blocks", block_total(rank.blocks)},
          {"bytes", rank.bytes},
          {"evicted", rank.evicted},
          {"predicted_blocks", rank.predicted}};
}

json rank_json(const rank_report& rank, const actors::stream_status* stream) {
  json value = knowledge_json(rank);
  value.update(
      {{"active_requests", rank.load.active_requests},
       {"active_prefill_tokens", rank.load.active_prefill_tokens},
       {"active_decode_blocks", rank.load.active_decode_blocks},
       {"expected_output_tokens", rank.load.expected_output_tokens},
       {"kv_used_blocks",
        rank.reported ? or_null(rank.reported->kv_used_blocks) : json()},
       {"reported", reported_json(rank.reported)},
       {"capacity", capacity_json(rank.capacity)},
       {"overloaded", rank.overloaded},
       {"forward_pass", forward_pass_json(rank.forward_pass)},
       {"discovered", stream != nullptr && stream->discovered},
       {"connected",
        stream != nullptr && stream->connection == connection_state::connected},
       {"sequence", stream != nullptr ? stream->counts.next_sequence : 0},
       {"gaps", stream != nullptr ? stream->counts.gaps : 0},
       {"missed", stream != nullptr ? stream->counts.missed : 0},
       {"last_event_age_ms",
        stream != nullptr ? ms_or_null(stream->last_event_age) : json()}});
  return value;
}

/// The least trustworthy of a worker's ranks speaks for it.
int doubt(sync_state state) {
  switch (state) {
  case sync_state::in_sync:
    return 0;
  case sync_state::waiting:
    return 1;
  case sync_state::partial:
    return 2;
  case sync_state::stale:
    return 3;
  }
  return 3;
}

json worker_json(const std::vector<const rank_report*>& ranks,
                 const streams_by_publisher& streams) {
  json rank_rows = json::array();
  std::uint64_t blocks = 0;
  std::uint64_t requests = 0;
  bool connected = true;
  bool overloaded = true;
  const rank_report* worst = ranks.front();
  for (const rank_report* rank : ranks) {
    const auto found =
        rank->publisher_id ? streams.find(*rank->publisher_id) : streams.end();
    const auto* stream = found == streams.end() ? nullptr : &found->second;
    rank_rows.push_back(rank_json(*rank, stream));
    blocks += block_total(rank->blocks);
    requests += rank->load.active_requests;
    connected = connected && stream != nullptr &&
                stream->connection == connection_state::connected;
    overloaded = overloaded && rank->overloaded;
    worst = doubt(rank->sync) > doubt(worst->sync) ? rank : worst;
  }
  const auto& endpoint = ranks.front()->endpoint;
  return {{"worker_id", ranks.front()->rank.worker_id},
          {"endpoint", endpoint.empty() ? json() : json(endpoint)},
          {"discovered", ranks.front()->member},
          {"connected", connected},
          {"state", to_string(worst->sync)},
          {"overloaded", overloaded},
          {"blocks", blocks},
          {"active_requests", requests},
          {"ranks", std::move(rank_rows)}};
}

} // namespace

std::string_view to_string(pool_role role) {
  switch (role) {
  case pool_role::both:
    return "both";
  case pool_role::prefill:
    return "prefill";
  case pool_role::decode:
    return "decode";
  }
  return "";
}

std::uint64_t block_total(const tier_counts& blocks) {
  return std::accumulate(blocks.begin(), blocks.end(), std::uint64_t{0});
}

json workers_json(const actors::router_report& report,
                  const actors::plane_status& plane) {
  const auto streams = kv_streams(plane);
  json all = json::array();
  for (const actors::pool_report& pool : report.pools) {
    std::map<std::uint64_t, std::vector<const rank_report*>> workers;
    for (const rank_report& rank : pool.ranks) {
      workers[rank.rank.worker_id].push_back(&rank);
    }
    for (const auto& [worker_id, ranks] : workers) {
      json worker = worker_json(ranks, streams);
      worker["pool"] = to_string(pool.role);
      all.push_back(std::move(worker));
    }
  }
  return {{"workers", std::move(all)}};
}

} // namespace dynamo::apps
