#pragma once

#include "dynamo/events/event.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <string>

// Events as JSON, written independently of the codec: packed by nlohmann_json
// it is what a peer may send, with its keys in another order than ours.

namespace dynamo {

template <class Value>
nlohmann::json json_of(const std::optional<Value>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

inline nlohmann::json json_of(const kv_block& block) {
  nlohmann::json mm_info = nullptr;
  if (block.mm_objects) {
    mm_info = {{"mm_objects", nlohmann::json::array()}};
    for (const mm_object& object : *block.mm_objects) {
      nlohmann::json offsets = nlohmann::json::array();
      for (const auto& [start, end] : object.offsets) {
        offsets.push_back(nlohmann::json::array({start, end}));
      }
      mm_info["mm_objects"].push_back(
          {{"mm_hash", object.mm_hash}, {"offsets", offsets}});
    }
  }
  return {{"block_hash", block.block_hash},
          {"tokens_hash", block.tokens_hash},
          {"mm_extra_info", mm_info}};
}

inline nlohmann::json json_of(const kv_cache_event& change) {
  nlohmann::json event_data = "cleared";
  if (const auto* stored = std::get_if<kv_stored>(&change.data)) {
    nlohmann::json blocks = nlohmann::json::array();
    for (const kv_block& block : stored->blocks) {
      blocks.push_back(json_of(block));
    }
    event_data = {{"stored",
                   {{"parent_hash", json_of(stored->parent_hash)},
                    {"start_position", json_of(stored->start_position)},
                    {"blocks", blocks}}}};
  } else if (const auto* removed = std::get_if<kv_removed>(&change.data)) {
    event_data = {{"removed", {{"block_hashes", removed->block_hashes}}}};
  }
  return {{"event_id", change.event_id},
          {"data", event_data},
          {"dp_rank", change.dp_rank}};
}

inline nlohmann::json json_of(const router_event& change) {
  nlohmann::json json = {{"worker_id", change.worker_id},
                         {"storage_tier", to_string(change.tier)},
                         {"event", json_of(change.event)}};
  if (change.domain) {
    json["residency_domain"] = to_string(*change.domain);
  }
  if (!change.state_source.empty()) {
    json["state_source"] = nlohmann::json::from_msgpack(change.state_source);
  }
  if (change.session_id) {
    json["session_id"] = *change.session_id;
  }
  return json;
}

inline nlohmann::json json_of(const active_sequence_event& step) {
  nlohmann::json step_data = "Free";
  if (std::holds_alternative<mark_prefill_completed>(step.data)) {
    step_data = "MarkPrefillCompleted";
  } else if (const auto* added = std::get_if<add_request>(&step.data)) {
    nlohmann::json hint = nullptr;
    if (added->prefill_hint) {
      nlohmann::json duration = nullptr;
      if (const auto& time = added->prefill_hint->expected_prefill_duration) {
        duration = {{"secs", time->count() / 1'000'000'000},
                    {"nanos", time->count() % 1'000'000'000}};
      }
      hint = {{"initial_effective_prefill_tokens",
               added->prefill_hint->initial_effective_prefill_tokens},
              {"expected_prefill_duration", duration}};
    }
    step_data = {
        {"AddRequest",
         {{"token_sequence", json_of(added->token_sequence)},
          {"track_prefill_tokens", added->track_prefill_tokens},
          {"expected_output_tokens", json_of(added->expected_output_tokens)},
          {"prefill_load_hint", hint}}}};
  }
  return {{"request_id", step.request_id},
          {"worker",
           {{"worker_id", step.worker.worker_id},
            {"dp_rank", step.worker.dp_rank}}},
          {"data", step_data},
          {"router_id", step.router_id},
          {"lora_name", json_of(step.lora_name)}};
}

inline nlohmann::json json_of(const active_load& load) {
  return {{"worker_id", load.worker_id},
          {"dp_rank", load.dp_rank},
          {"active_decode_blocks", json_of(load.active_decode_blocks)},
          {"active_prefill_tokens", json_of(load.active_prefill_tokens)},
          {"kv_used_blocks", json_of(load.kv_used_blocks)}};
}

inline nlohmann::json json_of(const session_affinity_update& update) {
  return {{"session_id", update.session_id},
          {"worker_id", update.worker_id},
          {"dp_rank", json_of(update.dp_rank)},
          {"router_id", update.router_id}};
}

inline nlohmann::json json_of(const sequence_state& state) {
  nlohmann::json said;
  if (const auto* summary = std::get_if<sequence_summary>(&state.data)) {
    said["Summary"] = {{"requests", summary->requests},
                       {"digest", summary->digest}};
  } else if (const auto* wanted = std::get_if<sequence_wanted>(&state.data)) {
    said["Wanted"] = {{"owner", wanted->owner}};
  } else {
    const auto& part = std::get<sequence_snapshot>(state.data);
    nlohmann::json requests = nlohmann::json::array();
    for (const tracked_request& each : part.requests) {
      requests.push_back({{"added", json_of(each.added)},
                          {"prefill_completed", each.prefill_completed},
                          {"age_ms", each.age.count()}});
    }
    said["Snapshot"] = {{"number", part.number},
                        {"part", part.part},
                        {"parts", part.parts},
                        {"requests", requests}};
  }
  return {{"router_id", state.router_id}, {"data", said}};
}

inline nlohmann::json json_of(const forward_pass_metrics& pass) {
  const scheduled_requests& scheduled = pass.scheduled;
  const queued_requests& queued = pass.queued;
  return {{"version", pass.version},
          {"worker_id", pass.worker_id},
          {"dp_rank", pass.dp_rank},
          {"counter_id", pass.counter_id},
          {"wall_time", pass.wall_time},
          {"scheduled_requests",
           {{"num_prefill_requests", scheduled.num_prefill_requests},
            {"sum_prefill_tokens", scheduled.sum_prefill_tokens},
            {"var_prefill_length", scheduled.var_prefill_length},
            {"sum_prefill_kv_tokens", scheduled.sum_prefill_kv_tokens},
            {"num_decode_requests", scheduled.num_decode_requests},
            {"sum_decode_kv_tokens", scheduled.sum_decode_kv_tokens},
            {"var_decode_kv_tokens", scheduled.var_decode_kv_tokens}}},
          {"queued_requests",
           {{"num_prefill_requests", queued.num_prefill_requests},
            {"sum_prefill_tokens", queued.sum_prefill_tokens},
            {"var_prefill_length", queued.var_prefill_length},
            {"num_decode_requests", queued.num_decode_requests},
            {"sum_decode_kv_tokens", queued.sum_decode_kv_tokens},
            {"var_decode_kv_tokens", queued.var_decode_kv_tokens}}}};
}

} // namespace dynamo
