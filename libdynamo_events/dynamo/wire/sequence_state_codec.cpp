#include "dynamo/wire/event_codec.hpp"
#include "dynamo/wire/event_list.hpp"
#include "dynamo/wire/msgpack.hpp"
#include "dynamo/wire/sequence_event.hpp"
#include "dynamo/wire/struct_reader.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

// The payload of active-sequence-state, a topic of ours:
//
//   {"router_id": u64, "data": data}
//
//   data     {"Summary": {"requests": u64, "digest": u64}}
//            {"Wanted": {"owner": u64}}
//            {"Snapshot": {"number": u64, "part": u32, "parts": u32,
//                          "requests": [request]}}
//   request  {"added": event, "prefill_completed": bool, "age_ms": u64}
//   event    as in active_sequences_events, always with AddRequest

namespace dynamo {

namespace {

using std::chrono::milliseconds;

// -- Writing ------------------------------------------------------------------

void write_tracked(msgpack_writer& out, const tracked_request& request) {
  out.write_map_header(3);
  out.write_key("added");
  write_sequence_event(out, request.added);
  out.write_key("prefill_completed");
  out.write_bool(request.prefill_completed);
  out.write_key("age_ms");
  // The wire has no negative durations.
  out.write_uint(static_cast<std::uint64_t>(
      std::max(request.age, milliseconds{0}).count()));
}

struct state_writer {
  msgpack_writer& out;

  void operator()(const sequence_summary& summary) const {
    out.write_key("Summary");
    out.write_map_header(2);
    out.write_key("requests");
    out.write_uint(summary.requests);
    out.write_key("digest");
    out.write_uint(summary.digest);
  }

  void operator()(const sequence_wanted& wanted) const {
    out.write_key("Wanted");
    out.write_map_header(1);
    out.write_key("owner");
    out.write_uint(wanted.owner);
  }

  void operator()(const sequence_snapshot& part) const {
    out.write_key("Snapshot");
    out.write_map_header(4);
    out.write_key("number");
    out.write_uint(part.number);
    out.write_key("part");
    out.write_uint(part.part);
    out.write_key("parts");
    out.write_uint(part.parts);
    out.write_key("requests");
    out.write_array_header(part.requests.size());
    for (const tracked_request& request : part.requests) {
      write_tracked(out, request);
    }
  }
};

// -- Reading ------------------------------------------------------------------

void read_added(msgpack_reader& in, active_sequence_event& added) {
  const std::size_t start = in.offset();
  read_sequence_event(in, added);
  if (in.ok() && !std::holds_alternative<add_request>(added.data)) {
    in.fail(errc::malformed, start, "expected an AddRequest");
  }
}

milliseconds read_age(msgpack_reader& in) {
  constexpr std::uint64_t age_max = std::numeric_limits<std::int64_t>::max();
  return milliseconds{
      static_cast<std::int64_t>(std::min(in.read_u64(), age_max))};
}

void read_tracked(msgpack_reader& in, tracked_request& request) {
  read_struct(in, required_key<"added">([&] { read_added(in, request.added); }),
              required_key<"prefill_completed">(
                  [&] { request.prefill_completed = in.read_bool(); }),
              required_key<"age_ms">([&] { request.age = read_age(in); }));
}

void read_requests(msgpack_reader& in, std::vector<tracked_request>& out) {
  const std::size_t start = in.offset();
  const std::size_t count = in.read_array_header();
  if (count > snapshot_requests_per_part_max) {
    in.fail(errc::too_large, start, "expected at most 1024 requests in a part");
    return;
  }
  out.reserve(std::min(count, reserved_events_max));
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    read_tracked(in, out.emplace_back());
  }
}

void read_summary(msgpack_reader& in, sequence_summary& summary) {
  read_struct(
      in, required_key<"requests">([&] { summary.requests = in.read_u64(); }),
      required_key<"digest">([&] { summary.digest = in.read_u64(); }));
}

void read_wanted(msgpack_reader& in, sequence_wanted& wanted) {
  read_struct(in, required_key<"owner">([&] { wanted.owner = in.read_u64(); }));
}

void read_snapshot(msgpack_reader& in, sequence_snapshot& snapshot) {
  const std::size_t start = in.offset();
  read_struct(
      in, required_key<"number">([&] { snapshot.number = in.read_u64(); }),
      required_key<"part">([&] { snapshot.part = in.read_u32(); }),
      required_key<"parts">([&] { snapshot.parts = in.read_u32(); }),
      required_key<"requests">([&] { read_requests(in, snapshot.requests); }));
  if (snapshot.parts > snapshot_parts_max) {
    in.fail(errc::too_large, start, "expected at most 4096 parts");
  } else if (snapshot.part >= snapshot.parts) {
    in.fail(errc::malformed, start, "expected a part below their number");
  }
}

} // namespace

void encode_sequence_state(const sequence_state& state, byte_buffer& out) {
  const auto* part = std::get_if<sequence_snapshot>(&state.data);
  msgpack_writer writer{
      out, 96 + (part == nullptr ? 0 : 512 * part->requests.size())};
  writer.write_map_header(2);
  writer.write_key("router_id");
  writer.write_uint(state.router_id);
  writer.write_key("data");
  writer.write_map_header(1);
  std::visit(state_writer{writer}, state.data);
}

result<sequence_state> decode_sequence_state(byte_view payload) {
  msgpack_reader in{payload};
  sequence_state state;
  auto& data = state.data;
  read_struct(
      in, required_key<"router_id">([&] { state.router_id = in.read_u64(); }),
      required_key<"data">([&] {
        read_enum(in, data_variant<"Summary">([&] {
                    read_summary(in, data.emplace<sequence_summary>());
                  }),
                  data_variant<"Wanted">([&] {
                    read_wanted(in, data.emplace<sequence_wanted>());
                  }),
                  data_variant<"Snapshot">([&] {
                    read_snapshot(in, data.emplace<sequence_snapshot>());
                  }));
      }));
  if (!in.ok()) {
    return in.failure("active-sequence-state");
  }
  return state;
}

} // namespace dynamo
