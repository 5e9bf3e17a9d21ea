#include "apps/events/sequence_from_json.hpp"

#include <nlohmann/json.hpp>

#include <limits>

namespace dynamo::apps {

namespace {

// -- active_sequences_events --------------------------------------------------

std::optional<std::chrono::nanoseconds> read_duration(const json_node& in) {
  if (in.is_absent()) {
    return std::nullopt;
  }
  in.only({"secs", "nanos"});
  constexpr std::uint64_t secs_max =
      std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 5;
  const std::uint64_t secs = in.member("secs").u64();
  if (secs > secs_max) {
    in.member("secs").fail("at most " + std::to_string(secs_max));
    return std::nullopt;
  }
  return std::chrono::seconds{static_cast<std::int64_t>(secs)} +
         std::chrono::nanoseconds{in.member("nanos").u32()};
}

add_request read_add_request(const json_node& in) {
  in.only({"token_sequence", "track_prefill_tokens", "expected_output_tokens",
           "prefill_load_hint"});
  add_request out;
  const json_node tokens = in.member("token_sequence");
  if (!tokens.is_absent()) {
    out.token_sequence = tokens.u64_list();
  }
  const json_node track = in.member("track_prefill_tokens");
  out.track_prefill_tokens = track.is_absent() || track.boolean();
  out.expected_output_tokens =
      in.member("expected_output_tokens").optional_u32();
  const json_node hint = in.member("prefill_load_hint");
  if (!hint.is_absent()) {
    hint.only(
        {"initial_effective_prefill_tokens", "expected_prefill_duration"});
    out.prefill_hint = prefill_load_hint{
        hint.member("initial_effective_prefill_tokens").u64(),
        read_duration(hint.member("expected_prefill_duration"))};
  }
  return out;
}

active_sequence_event read_sequence_event(const json_node& in) {
  in.only({"request_id", "worker", "data", "router_id", "lora_name"});
  active_sequence_event out;
  out.request_id = in.member("request_id").text();
  const json_node worker = in.member("worker");
  worker.only({"worker_id", "dp_rank"});
  out.worker = {worker.member("worker_id").u64(),
                worker.member("dp_rank").u32()};
  const json_node step = in.member("data");
  if (step.is_text() && step.text() == "Free") {
    out.data = free_request{};
  } else if (step.is_text() && step.text() == "MarkPrefillCompleted") {
    out.data = mark_prefill_completed{};
  } else if (step.is_object()) {
    step.only({"AddRequest"});
    out.data = read_add_request(step.member("AddRequest"));
  } else {
    step.fail("{\"AddRequest\": ...}, \"Free\" or \"MarkPrefillCompleted\"");
  }
  out.router_id = in.member("router_id").u64();
  out.lora_name = in.member("lora_name").optional_text();
  return out;
}

// -- active-sequence-state ----------------------------------------------------

std::chrono::milliseconds read_age(const json_node& in) {
  constexpr std::uint64_t age_max = std::numeric_limits<std::int64_t>::max();
  const std::uint64_t age = in.u64();
  if (age > age_max) {
    in.fail("at most " + std::to_string(age_max));
    return {};
  }
  return std::chrono::milliseconds{static_cast<std::int64_t>(age)};
}

tracked_request read_tracked(const json_node& in) {
  in.only({"added", "prefill_completed", "age_ms"});
  tracked_request out;
  out.added = read_sequence_event(in.member("added"));
  if (in.ok() && !std::holds_alternative<add_request>(out.added.data)) {
    in.member("added").member("data").fail("{\"AddRequest\": ...}");
  }
  out.prefill_completed = in.member("prefill_completed").boolean();
  out.age = read_age(in.member("age_ms"));
  return out;
}

sequence_snapshot read_snapshot(const json_node& in) {
  in.only({"number", "part", "parts", "requests"});
  sequence_snapshot out;
  out.number = in.member("number").u64();
  out.part = in.member("part").u32();
  out.parts = in.member("parts").u32();
  for (const json_node& each : in.member("requests").elements()) {
    out.requests.push_back(read_tracked(each));
  }
  if (out.parts > snapshot_parts_max || out.part >= out.parts) {
    in.member("part").fail("a part below their number, which is at most " +
                           std::to_string(snapshot_parts_max));
  }
  if (out.requests.size() > snapshot_requests_per_part_max) {
    in.member("requests")
        .fail("at most " + std::to_string(snapshot_requests_per_part_max));
  }
  return out;
}

} // namespace

active_sequence_events read_sequence_events(const json_node& in) {
  active_sequence_events all;
  const json_node batch = in.member("events");
  if (batch.raw() == nullptr && !in.is_array()) {
    all.push_back(read_sequence_event(in));
    return all;
  }
  if (!in.is_array()) {
    in.only({"events"});
  }
  for (const json_node& each : (in.is_array() ? in : batch).elements()) {
    all.push_back(read_sequence_event(each));
  }
  return all;
}

sequence_state read_sequence_state(const json_node& in) {
  in.only({"router_id", "data"});
  sequence_state out;
  out.router_id = in.member("router_id").u64();
  const json_node said = in.member("data");
  said.only({"Summary", "Wanted", "Snapshot"});
  const json_node summary = said.member("Summary");
  const json_node wanted = said.member("Wanted");
  const json_node snapshot = said.member("Snapshot");
  const int count = (summary.is_absent() ? 0 : 1) +
                    (wanted.is_absent() ? 0 : 1) +
                    (snapshot.is_absent() ? 0 : 1);
  if (count != 1) {
    said.fail("one of \"Summary\", \"Wanted\" and \"Snapshot\"");
  } else if (!summary.is_absent()) {
    summary.only({"requests", "digest"});
    out.data = sequence_summary{summary.member("requests").u64(),
                                summary.member("digest").u64()};
  } else if (!wanted.is_absent()) {
    wanted.only({"owner"});
    out.data = sequence_wanted{wanted.member("owner").u64()};
  } else {
    out.data = read_snapshot(snapshot);
  }
  return out;
}

} // namespace dynamo::apps
