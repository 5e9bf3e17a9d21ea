#include "apps/events/event_json.hpp"
#include "apps/events/json_node.hpp"
#include "apps/events/sequence_from_json.hpp"
#include "dynamo/wire/msgpack_reader.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace dynamo::apps {

namespace {

using nlohmann::json;

// -- kv-events ----------------------------------------------------------------

mm_object read_mm_object(const json_node& in) {
  in.only({"mm_hash", "offsets"});
  mm_object object{in.member("mm_hash").u64(), {}};
  for (const json_node& each : in.member("offsets").elements()) {
    const std::vector<std::uint64_t> ends = each.u64_list();
    if (ends.size() != 2) {
      each.fail("[start, end]");
      break;
    }
    object.offsets.emplace_back(ends[0], ends[1]);
  }
  return object;
}

kv_block read_block(const json_node& in) {
  in.only({"block_hash", "tokens_hash", "mm_extra_info"});
  kv_block block{
      in.member("block_hash").u64(), in.member("tokens_hash").u64(), {}};
  const json_node extra = in.member("mm_extra_info");
  if (!extra.is_absent()) {
    extra.only({"mm_objects"});
    auto& objects = block.mm_objects.emplace();
    for (const json_node& each : extra.member("mm_objects").elements()) {
      objects.push_back(read_mm_object(each));
    }
  }
  return block;
}

kv_stored read_stored(const json_node& in) {
  in.only({"parent_hash", "start_position", "blocks"});
  kv_stored stored;
  stored.parent_hash = in.member("parent_hash").optional_u64();
  stored.start_position = in.member("start_position").optional_u32();
  for (const json_node& each : in.member("blocks").elements()) {
    stored.blocks.push_back(read_block(each));
  }
  return stored;
}

void read_change(const json_node& in, kv_cache_event& out) {
  if (in.is_text() && in.text() == "cleared") {
    out.data = kv_cleared{};
    return;
  }
  if (!in.is_object() || in.raw()->size() != 1) {
    in.fail("{\"stored\": ...}, {\"removed\": ...} or \"cleared\"");
    return;
  }
  in.only({"stored", "removed"});
  const json_node removed = in.member("removed");
  if (removed.is_absent()) {
    out.data = read_stored(in.member("stored"));
  } else {
    removed.only({"block_hashes"});
    out.data = kv_removed{removed.member("block_hashes").u64_list()};
  }
}

storage_tier read_tier(const json_node& in) {
  if (in.is_absent()) {
    return storage_tier::device;
  }
  const auto tier = storage_tier_from(in.text());
  if (!tier) {
    in.fail("device, host_pinned, disk or external");
  }
  return tier.value_or(storage_tier::device);
}

std::optional<residency_domain> read_domain(const json_node& in) {
  if (in.is_absent()) {
    return in.is_null() ? std::optional{residency_domain::invalid}
                        : std::nullopt;
  }
  const std::string text = in.text();
  for (const auto each :
       {residency_domain::worker, residency_domain::cache_owner,
        residency_domain::unsupported}) {
    if (text == to_string(each)) {
      return each;
    }
  }
  in.fail("worker, cache_owner or unsupported");
  return std::nullopt;
}

/// Whether the bytes are one value that may stand as a state source.
bool is_msgpack_struct(byte_view bytes) {
  msgpack_reader in{bytes};
  const msgpack_type type = in.peek();
  in.skip();
  return in.ok() && in.rest().empty() &&
         (type == msgpack_type::map || type == msgpack_type::array);
}

byte_buffer read_state_source(const json_node& in) {
  if (in.is_absent()) {
    return {};
  }
  byte_buffer bytes;
  const json_node hex = in.member("hex");
  if (hex.is_text() && in.raw()->size() == 1) {
    auto given = from_hex(hex.text());
    bytes = given ? *std::move(given) : byte_buffer{};
  } else if (in.is_object()) {
    json::to_msgpack(*in.raw(), bytes);
  }
  if (!is_msgpack_struct(bytes)) {
    in.fail("an object, or {\"hex\": msgpack of a map}");
  }
  return bytes;
}

router_event read_router_event(const json_node& in) {
  in.only({"worker_id", "storage_tier", "residency_domain", "event",
           "state_source", "session_id"});
  router_event out;
  out.worker_id = in.member("worker_id").u64();
  out.tier = read_tier(in.member("storage_tier"));
  out.domain = read_domain(in.member("residency_domain"));
  const json_node change = in.member("event");
  change.only({"event_id", "data", "dp_rank"});
  out.event.event_id = change.member("event_id").u64();
  read_change(change.member("data"), out.event);
  out.event.dp_rank = change.member("dp_rank").optional_u32().value_or(0);
  out.state_source = read_state_source(in.member("state_source"));
  out.session_id = in.member("session_id").optional_text();
  return out;
}

kv_events read_kv_events(const json_node& in) {
  kv_events all;
  if (in.is_object()) {
    all.push_back(read_router_event(in));
    return all;
  }
  for (const json_node& each : in.elements()) {
    all.push_back(read_router_event(each));
  }
  return all;
}

// -- The others ---------------------------------------------------------------

active_load read_load(const json_node& in) {
  in.only({"worker_id", "dp_rank", "active_decode_blocks",
           "active_prefill_tokens", "kv_used_blocks"});
  return {in.member("worker_id").u64(),
          in.member("dp_rank").optional_u32().value_or(0),
          in.member("active_decode_blocks").optional_u64(),
          in.member("active_prefill_tokens").optional_u64(),
          in.member("kv_used_blocks").optional_u64()};
}

session_affinity_update read_affinity(const json_node& in) {
  in.only({"session_id", "worker_id", "dp_rank", "router_id"});
  return {in.member("session_id").text(), in.member("worker_id").u64(),
          in.member("dp_rank").optional_u32(), in.member("router_id").u64()};
}

void take(const json_node& in, std::uint64_t& out) {
  if (!in.is_absent()) {
    out = in.u64();
  }
}

void take(const json_node& in, double& out) {
  if (!in.is_absent()) {
    out = in.number();
  }
}

void read_requests(const json_node& in, scheduled_requests& out) {
  in.only({"num_prefill_requests", "sum_prefill_tokens", "var_prefill_length",
           "sum_prefill_kv_tokens", "num_decode_requests",
           "sum_decode_kv_tokens", "var_decode_kv_tokens"});
  take(in.member("num_prefill_requests"), out.num_prefill_requests);
  take(in.member("sum_prefill_tokens"), out.sum_prefill_tokens);
  take(in.member("var_prefill_length"), out.var_prefill_length);
  take(in.member("sum_prefill_kv_tokens"), out.sum_prefill_kv_tokens);
  take(in.member("num_decode_requests"), out.num_decode_requests);
  take(in.member("sum_decode_kv_tokens"), out.sum_decode_kv_tokens);
  take(in.member("var_decode_kv_tokens"), out.var_decode_kv_tokens);
}

void read_requests(const json_node& in, queued_requests& out) {
  in.only({"num_prefill_requests", "sum_prefill_tokens", "var_prefill_length",
           "num_decode_requests", "sum_decode_kv_tokens",
           "var_decode_kv_tokens"});
  take(in.member("num_prefill_requests"), out.num_prefill_requests);
  take(in.member("sum_prefill_tokens"), out.sum_prefill_tokens);
  take(in.member("var_prefill_length"), out.var_prefill_length);
  take(in.member("num_decode_requests"), out.num_decode_requests);
  take(in.member("sum_decode_kv_tokens"), out.sum_decode_kv_tokens);
  take(in.member("var_decode_kv_tokens"), out.var_decode_kv_tokens);
}

forward_pass_metrics read_forward_pass(const json_node& in) {
  in.only({"version", "worker_id", "dp_rank", "counter_id", "wall_time",
           "scheduled_requests", "queued_requests"});
  forward_pass_metrics out;
  // Left out, it is 1: readers ignore a pass of any other version.
  take(in.member("version"), out.version);
  out.worker_id = in.member("worker_id").text();
  take(in.member("dp_rank"), out.dp_rank);
  take(in.member("counter_id"), out.counter_id);
  take(in.member("wall_time"), out.wall_time);
  if (!in.member("scheduled_requests").is_absent()) {
    read_requests(in.member("scheduled_requests"), out.scheduled);
  }
  if (!in.member("queued_requests").is_absent()) {
    read_requests(in.member("queued_requests"), out.queued);
  }
  return out;
}

raw_event read_raw_event(const json_node& in) {
  in.only({"hex"});
  auto bytes = from_hex(in.member("hex").text());
  if (!bytes) {
    in.member("hex").fail("hex digits");
    return {};
  }
  return {*std::move(bytes)};
}

event read_event(const json_node& in, event_kind kind) {
  switch (kind) {
  case event_kind::kv_events:
    return read_kv_events(in);
  case event_kind::active_load:
    return read_load(in);
  case event_kind::active_sequences:
    return read_sequence_events(in);
  case event_kind::session_affinity:
    return read_affinity(in);
  case event_kind::forward_pass:
    return read_forward_pass(in);
  case event_kind::sequence_state:
    return read_sequence_state(in);
  case event_kind::raw:
    break;
  }
  return read_raw_event(in);
}

} // namespace

result<event> event_from(const nlohmann::json& value, event_kind kind) {
  std::optional<error> failure;
  event read = read_event(json_node{value, failure}, kind);
  if (failure) {
    return *std::move(failure);
  }
  return read;
}

} // namespace dynamo::apps
