#include "apps/router/pictures.hpp"

#include "apps/app/link_json.hpp"
#include "apps/router/count_rows.hpp"
#include "apps/router/json_parts.hpp"
#include "apps/router/worker_picture.hpp"
#include "dynamo/config/print.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace dynamo::apps {

namespace {

using nlohmann::json;

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
          {"last_event_age_ms", ms_or_null(stream.last_event_age)}};
}

/// A request, if `own` is this router's id.
json request_json(const booked_request& booked, std::uint64_t own) {
  const booking& request = booked.request;
  const auto& sequence = request.sequence;
  return {{"request_id", request.request_id},
          {"worker_id", request.rank.worker_id},
          {"dp_rank", request.rank.dp_rank},
          {"router_id", request.router_id},
          {"own", request.router_id == own},
          {"age_ms",
           std::chrono::duration_cast<std::chrono::milliseconds>(booked.age)
               .count()},
          {"prefill_completed", booked.prefill_completed},
          {"prefill_tokens", request.prefill_tokens},
          {"blocks", sequence ? json(sequence->size()) : json()},
          {"output_blocks", booked.output_blocks},
          {"expected_output_tokens", or_null(request.expected_output_tokens)},
          {"lora_name", or_null(request.lora_name)}};
}

json receiver_json(const receiver_counts& receiver) {
  return {{"accepted", receiver.accepted},
          {"bytes", receiver.bytes},
          {"bad_parts", receiver.bad_parts},
          {"bad_topic", receiver.bad_topic},
          {"bad_identity", receiver.bad_identity},
          {"bad_frame", receiver.bad_frame},
          {"bad_envelope", receiver.bad_envelope},
          {"overflowed", receiver.overflowed}};
}

/// Of all pools.
struct memory_of_index {
  std::uint64_t ranks = 0;
  std::uint64_t device_nodes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
};

memory_of_index memory_of(const actors::router_report& report) {
  memory_of_index all;
  for (const actors::pool_report& pool : report.pools) {
    all.ranks += pool.index.ranks;
    all.device_nodes += pool.index.device_nodes;
    all.blocks += block_total(pool.index.blocks);
    all.bytes += pool.index.bytes;
  }
  return all;
}

} // namespace

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
                const actors::router_report& report, std::uint32_t block_size) {
  json ranks = json::array();
  for (const auto& held : index) {
    json row{{"worker_id", held.rank.rank.worker_id},
             {"dp_rank", held.rank.rank.dp_rank},
             {"state", to_string(held.rank.sync)},
             {"member", held.rank.member},
             {"last_event_id", or_null(held.rank.last_event_id)},
             {"bytes", held.rank.bytes}};
    for (const auto tier : {storage_tier::device, storage_tier::host_pinned,
                            storage_tier::disk, storage_tier::external}) {
      row[std::string{to_string(tier)}] = blocks_json(held.blocks, tier);
    }
    ranks.push_back(std::move(row));
  }
  const memory_of_index memory = memory_of(report);
  return {{"block_size", block_size},
          {"blocks", memory.blocks},
          {"bytes", memory.bytes},
          {"bytes_per_block", memory.blocks == 0
                                  ? json()
                                  : json(static_cast<double>(memory.bytes) /
                                         static_cast<double>(memory.blocks))},
          {"ranks", std::move(ranks)}};
}

json requests_json(const std::vector<actors::pool_requests>& pools,
                   std::size_t limit) {
  json rows = json::array();
  std::size_t total = 0;
  for (const actors::pool_requests& pool : pools) {
    total += pool.requests.size();
    for (const booked_request& each : pool.requests) {
      if (rows.size() == limit) {
        break;
      }
      json row = request_json(each, pool.router_id);
      row["scope"] = to_string(pool.owner);
      rows.push_back(std::move(row));
    }
  }
  return {{"total", total}, {"requests", std::move(rows)}};
}

json replicas_json(const actors::router_report& report) {
  json pools = json::array();
  for (const actors::pool_report& pool : report.pools) {
    json rows = json::array();
    for (const replica_report& each : pool.replicas) {
      rows.push_back(
          {{"router_id", each.router_id},
           {"requests", each.requests},
           {"silence_ms",
            std::chrono::duration_cast<std::chrono::milliseconds>(each.silence)
                .count()},
           {"summarises", each.summarises},
           {"agrees", each.agrees}});
    }
    pools.push_back({{"pool", to_string(pool.role)},
                     {"scope", to_string(pool.owner)},
                     {"members", pool.members},
                     {"parked", pool.parked},
                     {"sequence_gaps", pool.sequence_gaps},
                     {"replicas", std::move(rows)}});
  }
  return {{"pools", std::move(pools)}};
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

json counters_json(const actors::router_report& report,
                   const actors::plane_status& plane) {
  json all = json::object();
  for (const count_row& row : count_rows()) {
    std::uint64_t total = 0;
    for (const actors::pool_report& pool : report.pools) {
      total += row.of(pool.counts);
    }
    json& group = all[std::string{row.group}];
    (row.name.empty() ? group : group[std::string{row.name}]) = total;
  }
  const memory_of_index memory = memory_of(report);
  all["index"] = {{"ranks", memory.ranks},
                  {"device_nodes", memory.device_nodes},
                  {"blocks", memory.blocks},
                  {"bytes", memory.bytes}};
  all["receiver"] = receiver_json(plane.receiver);
  all["discovery"] = {{"owned", plane.records.owned},
                      {"republished", plane.records.republished},
                      {"bad_records", plane.records.bad_records},
                      {"reaped", plane.records.reaped},
                      {"repaired", plane.records.repaired}};
  all["restarts"] = plane.restarts;
  return all;
}

json config_json(const loaded_options& configuration) {
  constexpr bool may_throw = false;
  constexpr bool ignore_comments = true;
  return {{"options", json::parse(print_options(configuration), nullptr,
                                  may_throw, ignore_comments)},
          {"origins", configuration.origins}};
}

} // namespace dynamo::apps
