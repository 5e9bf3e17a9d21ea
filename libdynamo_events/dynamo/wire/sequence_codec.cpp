#include "dynamo/wire/event_codec.hpp"
#include "dynamo/wire/event_list.hpp"
#include "dynamo/wire/msgpack.hpp"
#include "dynamo/wire/sequence_event.hpp"
#include "dynamo/wire/struct_reader.hpp"
#include "dynamo/wire/struct_writer.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

// The payload of active_sequences_events: {"events": [event]}, or one event
// (NATS, and up to 1.3).
//
//   event  {"request_id": str, "worker": {"worker_id": u64, "dp_rank": u32},
//           "data": data, "router_id": u64, "lora_name": str|nil}
//   data   {"AddRequest": {"token_sequence": [u64]|nil,
//             "track_prefill_tokens": bool, "expected_output_tokens": u32|nil,
//             "prefill_load_hint": nil|{
//               "initial_effective_prefill_tokens": u64,
//               "expected_prefill_duration": nil|{"secs": u64, "nanos": u32}}}}
//          "Free"
//          "MarkPrefillCompleted"
//
// AddRequest of 1.0 had "isl" and "overlap" in place of the middle keys; they
// are passed over as unknown keys.
//
// The payload of session_affinity_events:
//
//   {"session_id": str, "worker_id": u64, "dp_rank": u32|nil,
//    "router_id": u64}

namespace dynamo {

namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

// -- Writing ------------------------------------------------------------------

/// Of the keys that are put in a row, with their heads; the longest is
/// "expected_output_tokens".
constexpr std::size_t step_name_bytes_max = 23;

void write_duration(msgpack_writer& out,
                    const std::optional<nanoseconds>& duration) {
  if (!duration) {
    out.write_nil();
    return;
  }
  // The wire has no negative durations.
  const nanoseconds length = std::max(*duration, nanoseconds{0});
  const auto whole = std::chrono::duration_cast<seconds>(length);
  out.write_map_header(2);
  out.write_key("secs");
  out.write_uint(static_cast<std::uint64_t>(whole.count()));
  out.write_key("nanos");
  out.write_uint(static_cast<std::uint64_t>((length - whole).count()));
}

void write_hint(msgpack_writer& out,
                const std::optional<prefill_load_hint>& hint) {
  if (!hint) {
    out.write_nil();
    return;
  }
  out.write_map_header(2);
  out.write_key("initial_effective_prefill_tokens");
  out.write_uint(hint->initial_effective_prefill_tokens);
  out.write_key("expected_prefill_duration");
  write_duration(out, hint->expected_prefill_duration);
}

struct step_writer {
  msgpack_writer& out;

  void operator()(const add_request& request) const {
    msgpack_cursor at = out.reserve(2 + 3 * step_name_bytes_max);
    at.map_header(1);
    at.key("AddRequest");
    at.map_header(4);
    at.key("token_sequence");
    out.commit(at);
    if (request.token_sequence) {
      write_uint_list(out, *request.token_sequence);
    } else {
      out.write_nil();
    }
    at = out.reserve(1 + 3 * step_name_bytes_max +
                     msgpack_cursor::uint_bytes_max);
    at.key("track_prefill_tokens");
    at.boolean(request.track_prefill_tokens);
    at.key("expected_output_tokens");
    at.optional_uint(request.expected_output_tokens);
    at.key("prefill_load_hint");
    out.commit(at);
    write_hint(out, request.prefill_hint);
  }

  void operator()(const free_request&) const { out.write_key("Free"); }

  void operator()(const mark_prefill_completed&) const {
    out.write_key("MarkPrefillCompleted");
  }
};

} // namespace

void write_sequence_event(msgpack_writer& out,
                          const active_sequence_event& event) {
  msgpack_cursor at =
      out.reserve(2 + msgpack_cursor::head_bytes_max + event.request_id.size() +
                  5 * step_name_bytes_max + 2 * msgpack_cursor::uint_bytes_max);
  at.map_header(5);
  at.key("request_id");
  at.text(event.request_id);
  at.key("worker");
  at.map_header(2);
  at.key("worker_id");
  at.uint(event.worker.worker_id);
  at.key("dp_rank");
  at.uint(event.worker.dp_rank);
  at.key("data");
  out.commit(at);
  std::visit(step_writer{out}, event.data);
  at = out.reserve(2 * step_name_bytes_max + msgpack_cursor::uint_bytes_max);
  at.key("router_id");
  at.uint(event.router_id);
  at.key("lora_name");
  out.commit(at);
  write_optional_text(out, event.lora_name);
}

namespace {

// -- Reading ------------------------------------------------------------------

nanoseconds read_duration(msgpack_reader& in) {
  std::uint64_t secs = 0;
  std::uint32_t nanos = 0;
  read_struct(in, required_key<"secs">([&] { secs = in.read_u64(); }),
              required_key<"nanos">([&] { nanos = in.read_u32(); }));
  // 292 years are as good as any longer time, and all that fits.
  const auto secs_max = static_cast<std::uint64_t>(
      std::chrono::duration_cast<seconds>(nanoseconds::max()).count() - 5);
  if (secs > secs_max) {
    return nanoseconds::max();
  }
  return seconds{static_cast<std::int64_t>(secs)} + nanoseconds{nanos};
}

prefill_load_hint read_hint(msgpack_reader& in) {
  prefill_load_hint hint;
  read_struct(in, required_key<"initial_effective_prefill_tokens">([&] {
                hint.initial_effective_prefill_tokens = in.read_u64();
              }),
              optional_key<"expected_prefill_duration">([&] {
                read_optional(in, hint.expected_prefill_duration,
                              [&] { return read_duration(in); });
              }));
  return hint;
}

std::vector<std::uint64_t> read_token_sequence(msgpack_reader& in) {
  std::vector<std::uint64_t> hashes;
  read_u64_list(in, hashes);
  return hashes;
}

void read_add_request(msgpack_reader& in, add_request& request) {
  read_struct(in, optional_key<"token_sequence">([&] {
                read_optional(in, request.token_sequence,
                              [&] { return read_token_sequence(in); });
              }),
              optional_key<"track_prefill_tokens">(
                  [&] { request.track_prefill_tokens = in.read_bool(); }),
              optional_key<"expected_output_tokens">([&] {
                read_optional_u32(in, request.expected_output_tokens);
              }),
              optional_key<"prefill_load_hint">([&] {
                read_optional(in, request.prefill_hint,
                              [&] { return read_hint(in); });
              }));
}

void read_worker(msgpack_reader& in, worker_rank& worker) {
  read_struct(
      in, required_key<"worker_id">([&] { worker.worker_id = in.read_u64(); }),
      required_key<"dp_rank">([&] { worker.dp_rank = in.read_u32(); }));
}

} // namespace

void read_sequence_event(msgpack_reader& in, active_sequence_event& event) {
  auto& data = event.data;
  read_struct(
      in, required_key<"request_id">([&] { event.request_id = in.read_str(); }),
      required_key<"worker">([&] { read_worker(in, event.worker); }),
      required_key<"data">([&] {
        read_enum(in, data_variant<"AddRequest">([&] {
                    read_add_request(in, data.emplace<add_request>());
                  }),
                  unit_variant<"Free">([&] { data.emplace<free_request>(); }),
                  unit_variant<"MarkPrefillCompleted">(
                      [&] { data.emplace<mark_prefill_completed>(); }));
      }),
      required_key<"router_id">([&] { event.router_id = in.read_u64(); }),
      optional_key<"lora_name">(
          [&] { read_optional_text(in, event.lora_name); }));
}

namespace {

/// Whether the payload is a batch: it has the key that only a batch has. The
/// reader is a copy, so that the caller's stays at the start.
bool is_batch(msgpack_reader in) {
  if (in.peek() == msgpack_type::array) {
    // Positional: a batch begins with its list, an event with its request.
    return in.read_array_header() > 0 && in.peek() == msgpack_type::array;
  }
  const std::size_t count = in.read_map_header();
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    if (in.read_key() == "events") {
      return true;
    }
    in.skip();
  }
  return false;
}

/// At least how many bytes events take that have no hint.
std::size_t size_hint(std::span<const active_sequence_event> events) {
  std::size_t size = 16;
  for (const active_sequence_event& next : events) {
    size += 240 + next.request_id.size();
    const auto* const request = std::get_if<add_request>(&next.data);
    if (request != nullptr && request->token_sequence) {
      size += request->token_sequence->size() * msgpack_cursor::uint_bytes_max;
    }
  }
  return size;
}

} // namespace

void encode_active_sequences(std::span<const active_sequence_event> events,
                             payload_generation generation, byte_buffer& out) {
  msgpack_writer writer{out, size_hint(events)};
  const bool bare = generation != payload_generation::v1_4;
  assert(!bare || events.size() == 1);
  if (!bare) {
    writer.write_map_header(1);
    writer.write_key("events");
    writer.write_array_header(events.size());
  }
  for (const active_sequence_event& next : events) {
    write_sequence_event(writer, next);
  }
}

std::vector<active_sequence_events>
split_active_sequences(active_sequence_events events,
                       payload_generation generation) {
  const std::size_t count_max = generation == payload_generation::v1_4
                                    ? active_sequence_events_per_message_max
                                    : 1;
  std::vector<active_sequence_events> messages;
  std::span<active_sequence_event> rest{events};
  while (!rest.empty()) {
    const std::size_t count = std::min(rest.size(), count_max);
    if (count == events.size()) {
      messages.push_back(std::move(events));
      return messages;
    }
    const auto end = rest.begin() + static_cast<std::ptrdiff_t>(count);
    messages.emplace_back(std::make_move_iterator(rest.begin()),
                          std::make_move_iterator(end));
    rest = rest.subspan(count);
  }
  return messages;
}

result<skipped_events> decode_active_sequences(byte_view payload,
                                               unreadable_policy policy,
                                               active_sequence_events& out) {
  constexpr std::string_view what = "active_sequences_events";
  const std::size_t before = out.size();
  msgpack_reader in{payload};
  const auto read = [&](active_sequence_event& next) {
    read_sequence_event(in, next);
  };
  skipped_events skipped;
  if (is_batch(in)) {
    read_struct(in, required_key<"events">([&] {
                  const msgpack_reader list = in;
                  if (in.read_array_header() >
                      active_sequence_events_per_message_max) {
                    in.fail(errc::too_large, list.offset(),
                            "expected at most 256 events in a batch");
                    return;
                  }
                  in = list;
                  skipped = read_events(in, policy, what, out, read);
                }));
  } else {
    skipped = read_one_event(in, out, read);
  }
  return answer_of(in, policy, what, out.size() - before, std::move(skipped));
}

void encode_session_affinity(const session_affinity_update& update,
                             byte_buffer& out) {
  msgpack_writer writer{out, 64 + update.session_id.size()};
  writer.write_map_header(4);
  writer.write_key("session_id");
  writer.write_str(update.session_id);
  writer.write_key("worker_id");
  writer.write_uint(update.worker_id);
  writer.write_key("dp_rank");
  write_optional_uint(writer, update.dp_rank);
  writer.write_key("router_id");
  writer.write_uint(update.router_id);
}

result<session_affinity_update> decode_session_affinity(byte_view payload) {
  msgpack_reader in{payload};
  session_affinity_update update;
  read_struct(
      in,
      required_key<"session_id">([&] { update.session_id = in.read_str(); }),
      required_key<"worker_id">([&] { update.worker_id = in.read_u64(); }),
      optional_key<"dp_rank">([&] { read_optional_u32(in, update.dp_rank); }),
      required_key<"router_id">([&] { update.router_id = in.read_u64(); }));
  if (!in.ok()) {
    return in.failure("session_affinity_events");
  }
  return update;
}

} // namespace dynamo
