#include "apps/router/pictures.hpp"

#include "apps/app/link_json.hpp"
#include "dynamo/events/topic.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <string>

namespace dynamo::apps {

namespace {

using nlohmann::json;

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

json age_or_null(const std::optional<std::chrono::milliseconds>& age) {
  return age ? json(age->count()) : json();
}

/// Streams of the kv-events subscription by publisher id.
std::map<std::uint64_t, actors::stream_status>
kv_streams(const actors::plane_status& plane) {
  std::map<std::uint64_t, actors::stream_status> streams;
  for (const auto& subscription : plane.subscriptions) {
    if (subscription.topic == topics::kv_events) {
      for (const auto& stream : subscription.streams) {
        streams.emplace(stream.publisher_id, stream);
      }
    }
  }
  return streams;
}

std::uint64_t block_total(const rank_report& rank) {
  std::uint64_t total = 0;
  for (const std::uint64_t blocks : rank.blocks) {
    total += blocks;
  }
  return total;
}

json rank_json(const rank_report& rank, const actors::stream_status* stream) {
  json value{
      {"dp_rank", rank.rank.dp_rank},
      {"publisher_id", or_null(rank.publisher_id)},
      {"state", to_string(rank.sync)},
      {"last_event_id", or_null(rank.last_event_id)},
      {"blocks", block_total(rank)},
      {"active_requests", rank.load.active_requests},
      {"active_prefill_tokens", rank.load.active_prefill_tokens},
      {"active_decode_blocks", rank.load.active_decode_blocks},
      {"kv_used_blocks",
       rank.reported ? or_null(rank.reported->kv_used_blocks) : json()},
      {"discovered", stream != nullptr && stream->discovered},
      {"connected",
       stream != nullptr && stream->connection == connection_state::connected},
      {"sequence", stream != nullptr ? stream->counts.next_sequence : 0},
      {"gaps", stream != nullptr ? stream->counts.gaps : 0},
      {"missed", stream != nullptr ? stream->counts.missed : 0},
      {"last_event_age_ms",
       stream != nullptr ? age_or_null(stream->last_event_age) : json()}};
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

json blocks_json(const std::vector<held_block>& blocks, storage_tier tier) {
  json rows = json::array();
  for (const held_block& block : blocks) {
    if (block.tier == tier) {
      rows.push_back(json::array(
          {block.block_hash, block.tokens_hash, or_null(block.parent_hash)}));
    }
  }
  return rows;
}

json inbox_json(const inbox_counts& counts) {
  return {{"pushed", counts.pushed},       {"dropped", counts.dropped},
          {"drained", counts.drained},     {"depth", counts.depth},
          {"depth_max", counts.depth_max}, {"bytes", counts.bytes}};
}

json stream_json(const actors::stream_status& stream) {
  return {{"publisher_id", stream.publisher_id},
          {"endpoint", stream.endpoint},
          {"connection", to_string(stream.connection)},
          {"state", actors::to_string(stream.state)},
          {"partial", stream.partial},
          {"discovered", stream.discovered},
          {"received", stream.counts.received},
          {"missed", stream.counts.missed},
          {"gaps", stream.counts.gaps},
          {"duplicates", stream.counts.duplicates},
          {"restarts", stream.counts.restarts},
          {"next_sequence", stream.counts.next_sequence},
          {"dropped_here", stream.dropped_here},
          {"unreadable", stream.unreadable},
          {"reconnects", stream.reconnects},
          {"last_event_age_ms", age_or_null(stream.last_event_age)}};
}

} // namespace

json workers_json(const actors::router_report& report,
                  const actors::plane_status& plane) {
  const auto streams = kv_streams(plane);
  std::map<std::uint64_t, std::vector<const rank_report*>> workers;
  for (const rank_report& rank : report.ranks) {
    workers[rank.rank.worker_id].push_back(&rank);
  }
  json all = json::array();
  for (const auto& [worker_id, ranks] : workers) {
    json rank_rows = json::array();
    std::uint64_t blocks = 0;
    std::uint64_t requests = 0;
    bool connected = true;
    const rank_report* worst = ranks.front();
    for (const rank_report* rank : ranks) {
      const auto found = rank->publisher_id ? streams.find(*rank->publisher_id)
                                            : streams.end();
      const auto* stream = found == streams.end() ? nullptr : &found->second;
      rank_rows.push_back(rank_json(*rank, stream));
      blocks += block_total(*rank);
      requests += rank->load.active_requests;
      connected = connected && stream != nullptr &&
                  stream->connection == connection_state::connected;
      worst = doubt(rank->sync) > doubt(worst->sync) ? rank : worst;
    }
    const auto& endpoint = ranks.front()->endpoint;
    all.push_back({{"worker_id", worker_id},
                   {"endpoint", endpoint.empty() ? json() : json(endpoint)},
                   {"discovered", ranks.front()->member},
                   {"connected", connected},
                   {"state", to_string(worst->sync)},
                   {"blocks", blocks},
                   {"active_requests", requests},
                   {"ranks", std::move(rank_rows)}});
  }
  return {{"workers", std::move(all)}};
}

json streams_json(const actors::plane_status& plane) {
  json subscriptions = json::array();
  for (const auto& subscription : plane.subscriptions) {
    json streams = json::array();
    for (const auto& stream : subscription.streams) {
      streams.push_back(stream_json(stream));
    }
    subscriptions.push_back(
        {{"scope", to_string(subscription.owner)},
         {"topic", subscription.topic},
         {"refused_publishers", subscription.refused_publishers},
         {"strangers", subscription.strangers},
         {"inbox", inbox_json(subscription.inbox)},
         {"streams", std::move(streams)}});
  }
  return {{"subscriptions", std::move(subscriptions)},
          {"link", link_json(plane)}};
}

json index_json(const std::vector<actors::rank_blocks>& index,
                std::uint32_t block_size) {
  json ranks = json::array();
  for (const auto& held : index) {
    json row{{"worker_id", held.rank.rank.worker_id},
             {"dp_rank", held.rank.rank.dp_rank},
             {"state", to_string(held.rank.sync)},
             {"member", held.rank.member},
             {"last_event_id", or_null(held.rank.last_event_id)}};
    for (const auto tier : {storage_tier::device, storage_tier::host_pinned,
                            storage_tier::disk, storage_tier::external}) {
      row[std::string{to_string(tier)}] = blocks_json(held.blocks, tier);
    }
    ranks.push_back(std::move(row));
  }
  return {{"block_size", block_size}, {"ranks", std::move(ranks)}};
}

json to_json(const actors::timeline_entry& entry) {
  json value{{"time_ms", entry.time_ms}, {"event", entry.what}};
  if (entry.worker_id != 0) {
    value["worker_id"] = entry.worker_id;
  }
  if (entry.publisher_id != 0) {
    value["publisher_id"] = entry.publisher_id;
  }
  if (!entry.detail.empty()) {
    value["detail"] = entry.detail;
  }
  return value;
}

json timeline_json(const std::vector<actors::timeline_entry>& entries) {
  json rows = json::array();
  for (const auto& entry : entries) {
    rows.push_back(to_json(entry));
  }
  return {{"timeline", std::move(rows)}};
}

json to_json(const route_choice& choice, const std::string& request_id) {
  return {{"request_id", request_id},
          {"worker_id", choice.rank.worker_id},
          {"dp_rank", choice.rank.dp_rank},
          {"endpoint", choice.endpoint},
          {"overlap_blocks", choice.overlap_blocks},
          {"request_blocks", choice.request_blocks},
          {"candidates", choice.candidates},
          {"cost", choice.cost.total},
          {"reason", choice.reason}};
}

json overlaps_json(const std::vector<rank_overlap>& overlaps) {
  json scores = json::array();
  for (const rank_overlap& overlap : overlaps) {
    scores.push_back({{"worker_id", overlap.rank.worker_id},
                      {"dp_rank", overlap.rank.dp_rank},
                      {"device", overlap.device},
                      {"host", overlap.host},
                      {"disk", overlap.disk}});
  }
  return {{"scores", std::move(scores)}};
}

json counters_json(const actors::router_report& report,
                   const actors::plane_status& plane) {
  const router_counts& counts = report.counts;
  return {{"events",
           {{"applied", counts.applied},
            {"parent_unknown", counts.parent_unknown},
            {"invalid", counts.invalid},
            {"full", counts.full},
            {"stale", counts.stale},
            {"ignored", counts.ignored},
            {"superseded", counts.superseded},
            {"disagreeing", counts.disagreeing},
            {"early_dropped", counts.early_dropped},
            {"early_kept", counts.early_kept},
            {"gaps", counts.gaps},
            {"missed", counts.missed}}},
          {"requests_chosen", counts.chosen},
          {"index",
           {{"ranks", report.index.ranks},
            {"device_nodes", report.index.device_nodes},
            {"bytes", report.index.bytes}}},
          {"receiver",
           {{"accepted", plane.receiver.accepted},
            {"bytes", plane.receiver.bytes},
            {"bad_parts", plane.receiver.bad_parts},
            {"bad_topic", plane.receiver.bad_topic},
            {"bad_identity", plane.receiver.bad_identity},
            {"bad_frame", plane.receiver.bad_frame},
            {"bad_envelope", plane.receiver.bad_envelope},
            {"overflowed", plane.receiver.overflowed},
            {"library_dropped", plane.receiver.library_dropped}}},
          {"discovery",
           {{"owned", plane.records.owned},
            {"republished", plane.records.republished},
            {"bad_records", plane.records.bad_records},
            {"reaped", plane.records.reaped},
            {"repaired", plane.records.repaired}}},
          {"restarts", plane.restarts}};
}

} // namespace dynamo::apps
