#include "apps/events/event_json.hpp"

#include <nlohmann/json.hpp>

namespace dynamo::apps {

namespace {

using nlohmann::json;

template <class Value>
json or_null(const std::optional<Value>& value) {
  return value ? json(*value) : json(nullptr);
}

json json_of_block(const kv_block& block) {
  json extra = nullptr;
  if (block.mm_objects) {
    json objects = json::array();
    for (const mm_object& each : *block.mm_objects) {
      json offsets = json::array();
      for (const auto& [start, end] : each.offsets) {
        offsets.push_back(json::array({start, end}));
      }
      objects.push_back({{"mm_hash", each.mm_hash}, {"offsets", offsets}});
    }
    extra = {{"mm_objects", objects}};
  }
  return {{"block_hash", block.block_hash},
          {"tokens_hash", block.tokens_hash},
          {"mm_extra_info", extra}};
}

struct change_json {
  json operator()(const kv_stored& stored) const {
    json blocks = json::array();
    for (const kv_block& block : stored.blocks) {
      blocks.push_back(json_of_block(block));
    }
    return {{"stored",
             {{"parent_hash", or_null(stored.parent_hash)},
              {"start_position", or_null(stored.start_position)},
              {"blocks", blocks}}}};
  }
  json operator()(const kv_removed& removed) const {
    return {{"removed", {{"block_hashes", removed.block_hashes}}}};
  }
  json operator()(const kv_cleared&) const { return "cleared"; }
};

/// As JSON, or as hex when the msgpack has what JSON has not.
json json_of_state_source(byte_view raw) {
  json value = json::from_msgpack(raw.begin(), raw.end(), true, false);
  return value.is_discarded() ? json{{"hex", to_hex(raw)}} : value;
}

json json_of_router_event(const router_event& each) {
  json out = {{"worker_id", each.worker_id},
              {"storage_tier", to_string(each.tier)},
              {"event",
               {{"event_id", each.event.event_id},
                {"data", std::visit(change_json{}, each.event.data)},
                {"dp_rank", each.event.dp_rank}}}};
  if (each.domain) {
    out["residency_domain"] = *each.domain == residency_domain::invalid
                                  ? json(nullptr)
                                  : json(to_string(*each.domain));
  }
  if (!each.state_source.empty()) {
    out["state_source"] = json_of_state_source(each.state_source);
  }
  if (each.session_id) {
    out["session_id"] = *each.session_id;
  }
  return out;
}

json json_of_duration(const std::optional<std::chrono::nanoseconds>& length) {
  if (!length) {
    return nullptr;
  }
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(*length);
  return {{"secs", whole.count()}, {"nanos", (*length - whole).count()}};
}

struct step_json {
  json operator()(const add_request& request) const {
    json hint = nullptr;
    if (request.prefill_hint) {
      hint = {
          {"initial_effective_prefill_tokens",
           request.prefill_hint->initial_effective_prefill_tokens},
          {"expected_prefill_duration",
           json_of_duration(request.prefill_hint->expected_prefill_duration)}};
    }
    return {
        {"AddRequest",
         {{"token_sequence", or_null(request.token_sequence)},
          {"track_prefill_tokens", request.track_prefill_tokens},
          {"expected_output_tokens", or_null(request.expected_output_tokens)},
          {"prefill_load_hint", hint}}}};
  }
  json operator()(const free_request&) const { return "Free"; }
  json operator()(const mark_prefill_completed&) const {
    return "MarkPrefillCompleted";
  }
};

json json_of_step(const active_sequence_event& each) {
  return {{"request_id", each.request_id},
          {"worker",
           {{"worker_id", each.worker.worker_id},
            {"dp_rank", each.worker.dp_rank}}},
          {"data", std::visit(step_json{}, each.data)},
          {"router_id", each.router_id},
          {"lora_name", or_null(each.lora_name)}};
}

struct state_json {
  json operator()(const sequence_summary& summary) const {
    return {{"Summary",
             {{"requests", summary.requests}, {"digest", summary.digest}}}};
  }
  json operator()(const sequence_wanted& wanted) const {
    return {{"Wanted", {{"owner", wanted.owner}}}};
  }
  json operator()(const sequence_snapshot& part) const {
    json requests = json::array();
    for (const tracked_request& each : part.requests) {
      requests.push_back({{"added", json_of_step(each.added)},
                          {"prefill_completed", each.prefill_completed},
                          {"age_ms", each.age.count()}});
    }
    return {{"Snapshot",
             {{"number", part.number},
              {"part", part.part},
              {"parts", part.parts},
              {"requests", requests}}}};
  }
};

struct event_to_json {
  json operator()(const kv_events& events) const {
    json all = json::array();
    for (const router_event& each : events) {
      all.push_back(json_of_router_event(each));
    }
    return all;
  }

  json operator()(const active_load& load) const {
    return {{"worker_id", load.worker_id},
            {"dp_rank", load.dp_rank},
            {"active_decode_blocks", or_null(load.active_decode_blocks)},
            {"active_prefill_tokens", or_null(load.active_prefill_tokens)},
            {"kv_used_blocks", or_null(load.kv_used_blocks)}};
  }

  json operator()(const active_sequence_events& events) const {
    json all = json::array();
    for (const active_sequence_event& each : events) {
      all.push_back(json_of_step(each));
    }
    return {{"events", all}};
  }

  json operator()(const session_affinity_update& update) const {
    return {{"session_id", update.session_id},
            {"worker_id", update.worker_id},
            {"dp_rank", or_null(update.dp_rank)},
            {"router_id", update.router_id}};
  }

  json operator()(const forward_pass_metrics& pass) const {
    const scheduled_requests& running = pass.scheduled;
    const queued_requests& queued = pass.queued;
    return {{"version", pass.version},
            {"worker_id", pass.worker_id},
            {"dp_rank", pass.dp_rank},
            {"counter_id", pass.counter_id},
            {"wall_time", pass.wall_time},
            {"scheduled_requests",
             {{"num_prefill_requests", running.num_prefill_requests},
              {"sum_prefill_tokens", running.sum_prefill_tokens},
              {"var_prefill_length", running.var_prefill_length},
              {"sum_prefill_kv_tokens", running.sum_prefill_kv_tokens},
              {"num_decode_requests", running.num_decode_requests},
              {"sum_decode_kv_tokens", running.sum_decode_kv_tokens},
              {"var_decode_kv_tokens", running.var_decode_kv_tokens}}},
            {"queued_requests",
             {{"num_prefill_requests", queued.num_prefill_requests},
              {"sum_prefill_tokens", queued.sum_prefill_tokens},
              {"var_prefill_length", queued.var_prefill_length},
              {"num_decode_requests", queued.num_decode_requests},
              {"sum_decode_kv_tokens", queued.sum_decode_kv_tokens},
              {"var_decode_kv_tokens", queued.var_decode_kv_tokens}}}};
  }

  json operator()(const sequence_state& state) const {
    return {{"router_id", state.router_id},
            {"data", std::visit(state_json{}, state.data)}};
  }

  json operator()(const raw_event& raw) const {
    return {{"hex", to_hex(raw.payload)}};
  }
};

} // namespace

nlohmann::json json_of(const event& value) {
  return std::visit(event_to_json{}, value);
}

} // namespace dynamo::apps
