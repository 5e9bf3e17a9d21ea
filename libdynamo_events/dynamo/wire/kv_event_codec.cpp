#include "dynamo/wire/event_codec.hpp"
#include "dynamo/wire/event_list.hpp"
#include "dynamo/wire/kv_block_codec.hpp"
#include "dynamo/wire/msgpack.hpp"
#include "dynamo/wire/struct_reader.hpp"
#include "dynamo/wire/struct_writer.hpp"

#include <cassert>
#include <iterator>
#include <string_view>
#include <utility>

// The payload of kv-events: an array of RouterEvent, or one (up to 1.3).
//
//   RouterEvent   {"worker_id": u64, "storage_tier": str,
//                  ["residency_domain": str,] "event": KvCacheEvent
//                  [, "state_source": map] [, "session_id": str]}
//   KvCacheEvent  {"event_id": u64, "data": data, "dp_rank": u32}
//   data          {"stored": {"parent_hash": u64|nil,
//                             "start_position": u32|nil, "blocks": [block]}}
//                 {"removed": {"block_hashes": [u64]}}
//                 "cleared"
//
// A block stands in kv_block_codec.cpp. What stands in [] is left out when it
// is absent.

namespace dynamo {

namespace {

// -- Writing ------------------------------------------------------------------

/// Of keys, names of tiers and domains with their heads; the longest is
/// "residency_domain".
constexpr std::size_t event_name_bytes_max = 17;

struct change_writer {
  msgpack_writer& out;

  void operator()(const kv_stored& stored) const {
    msgpack_cursor at = out.reserve(2 + 4 * event_name_bytes_max +
                                    2 * msgpack_cursor::uint_bytes_max +
                                    msgpack_cursor::head_bytes_max);
    at.map_header(1);
    at.key("stored");
    at.map_header(3);
    at.key("parent_hash");
    at.optional_uint(stored.parent_hash);
    at.key("start_position");
    at.optional_uint(stored.start_position);
    at.key("blocks");
    at.array_header(stored.blocks.size());
    out.commit(at);
    write_kv_blocks(out, stored.blocks);
  }

  void operator()(const kv_removed& removed) const {
    out.write_map_header(1);
    out.write_key("removed");
    out.write_map_header(1);
    out.write_key("block_hashes");
    write_uint_list(out, removed.block_hashes);
  }

  void operator()(const kv_cleared&) const { out.write_key("cleared"); }
};

/// What a KvCacheEvent begins with, up to its data.
constexpr std::size_t event_begin_bytes_max =
    1 + 2 * event_name_bytes_max + msgpack_cursor::uint_bytes_max;

void begin_cache_event(msgpack_cursor& at, const kv_cache_event& event) {
  at.map_header(3);
  at.key("event_id");
  at.uint(event.event_id);
  at.key("data");
}

void end_cache_event(msgpack_writer& out, const kv_cache_event& event) {
  std::visit(change_writer{out}, event.data);
  msgpack_cursor at =
      out.reserve(event_name_bytes_max + msgpack_cursor::uint_bytes_max);
  at.key("dp_rank");
  at.uint(event.dp_rank);
  out.commit(at);
}

void put_domain(msgpack_cursor& at, residency_domain domain) {
  at.key("residency_domain");
  if (domain == residency_domain::invalid) {
    // No text is what made it invalid.
    at.nil();
  } else {
    at.text(to_string(domain));
  }
}

void write_router_event(msgpack_writer& out, const router_event& event,
                        payload_generation generation) {
  // None of the three keys existed before 1.4.
  const bool plain = generation == payload_generation::v1_3;
  const bool with_domain = !plain && event.domain;
  const bool with_source = !plain && !event.state_source.empty();
  const bool with_session = !plain && event.session_id;

  msgpack_cursor at =
      out.reserve(1 + 6 * event_name_bytes_max +
                  msgpack_cursor::uint_bytes_max + event_begin_bytes_max);
  at.map_header(3 + std::size_t{with_domain} + std::size_t{with_source} +
                std::size_t{with_session});
  at.key("worker_id");
  at.uint(event.worker_id);
  at.key("storage_tier");
  at.text(to_string(event.tier));
  if (with_domain) {
    put_domain(at, *event.domain);
  }
  at.key("event");
  begin_cache_event(at, event.event);
  out.commit(at);
  end_cache_event(out, event.event);
  if (with_source) {
    out.write_key("state_source");
    out.write_raw(event.state_source);
  }
  if (with_session) {
    out.write_key("session_id");
    out.write_str(*event.session_id);
  }
}

// -- Reading ------------------------------------------------------------------

void read_stored(msgpack_reader& in, kv_stored& stored) {
  read_struct(
      in, optional_key<"parent_hash">([&] {
        read_optional_u64(in, stored.parent_hash);
      }),
      optional_key<"start_position">(
          [&] { read_optional_u32(in, stored.start_position); }),
      required_key<"blocks">([&] { read_kv_blocks(in, stored.blocks); }));
}

void read_removed(msgpack_reader& in, kv_removed& removed) {
  read_struct(in, required_key<"block_hashes">(
                      [&] { read_u64_list(in, removed.block_hashes); }));
}

void read_cache_event(msgpack_reader& in, kv_cache_event& event) {
  auto& data = event.data;
  read_struct(
      in, required_key<"event_id">([&] { event.event_id = in.read_u64(); }),
      required_key<"data">([&] {
        read_enum(in, data_variant<"stored">([&] {
                    read_stored(in, data.emplace<kv_stored>());
                  }),
                  data_variant<"removed">(
                      [&] { read_removed(in, data.emplace<kv_removed>()); }),
                  unit_variant<"cleared">([&] { data.emplace<kv_cleared>(); }));
      }),
      optional_key<"dp_rank">([&] { event.dp_rank = in.read_u32(); }));
}

void read_tier(msgpack_reader& in, storage_tier& tier) {
  const std::size_t start = in.offset();
  const auto known = storage_tier_from(in.read_key());
  if (!known) {
    in.fail(errc::unsupported, start, "unknown storage tier");
    return;
  }
  tier = *known;
}

residency_domain read_domain(msgpack_reader& in) {
  if (in.peek() != msgpack_type::string) {
    // Never an absent domain: a sender that says something wrong must not
    // get the meaning of one that says nothing.
    in.skip();
    return residency_domain::invalid;
  }
  const std::string_view text = in.read_key();
  for (const auto domain :
       {residency_domain::worker, residency_domain::cache_owner}) {
    if (text == to_string(domain)) {
      return domain;
    }
  }
  return residency_domain::unsupported;
}

void read_state_source(msgpack_reader& in, byte_buffer& out) {
  if (in.take_nil()) {
    return;
  }
  const std::size_t start = in.offset();
  const msgpack_type type = in.peek();
  if (type != msgpack_type::map && type != msgpack_type::array) {
    in.fail(errc::malformed, start, "state_source must be a map");
    return;
  }
  const byte_view raw = in.read_raw();
  out.assign(raw.begin(), raw.end());
}

void read_router_event(msgpack_reader& in, router_event& event) {
  read_struct(
      in, required_key<"worker_id">([&] { event.worker_id = in.read_u64(); }),
      optional_key<"storage_tier">([&] { read_tier(in, event.tier); }),
      optional_key<"residency_domain">([&] { event.domain = read_domain(in); }),
      required_key<"event">([&] { read_cache_event(in, event.event); }),
      optional_key<"state_source">(
          [&] { read_state_source(in, event.state_source); }),
      optional_key<"session_id">(
          [&] { read_optional_text(in, event.session_id); }));
}

/// About how many bytes the events take: keys, and hashes of full width.
std::size_t size_hint(std::span<const router_event> events) {
  std::size_t size = 8;
  for (const router_event& event : events) {
    size += 224 + 58 * block_count(event) + event.state_source.size();
  }
  return size;
}

} // namespace

std::size_t kv_events_in_message(std::span<const router_event> events,
                                 payload_generation generation) {
  const std::size_t events_max =
      generation == payload_generation::v1_3 ? 1 : kv_events_per_message_max;
  std::size_t count = 0;
  std::size_t blocks = 0;
  for (const router_event& next : events) {
    blocks += block_count(next);
    if (count == events_max ||
        (count > 0 && blocks > kv_blocks_per_message_max)) {
      break;
    }
    ++count;
  }
  return count;
}

void encode_kv_events(std::span<const router_event> events,
                      payload_generation generation, byte_buffer& out) {
  msgpack_writer writer{out, size_hint(events)};
  const bool bare = generation == payload_generation::v1_3;
  assert(!bare || events.size() == 1);
  if (!bare) {
    writer.write_array_header(events.size());
  }
  for (const router_event& next : events) {
    write_router_event(writer, next, generation);
  }
}

std::vector<kv_events> split_kv_events(kv_events events,
                                       payload_generation generation) {
  std::vector<kv_events> messages;
  std::span<router_event> rest{events};
  while (!rest.empty()) {
    const std::size_t count = kv_events_in_message(rest, generation);
    if (count == events.size()) {
      // Nearly always everything fits: hand the vector on as it is.
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

result<skipped_events>
decode_kv_events(byte_view payload, unreadable_policy policy, kv_events& out) {
  constexpr std::string_view what = "kv-events";
  const std::size_t before = out.size();
  msgpack_reader in{payload};
  const auto read = [&](router_event& next) { read_router_event(in, next); };
  skipped_events skipped = in.is_next_array()
                               ? read_events(in, policy, what, out, read)
                               : read_one_event(in, out, read);
  return answer_of(in, policy, what, out.size() - before, std::move(skipped));
}

void encode_kv_cache_events(const kv_cache_events& changes, byte_buffer& out) {
  msgpack_writer writer{out};
  writer.write_map_header(2);
  writer.write_key("events");
  writer.write_array_header(changes.events.size());
  for (const kv_cache_event& next : changes.events) {
    msgpack_cursor at = writer.reserve(event_begin_bytes_max);
    begin_cache_event(at, next);
    writer.commit(at);
    end_cache_event(writer, next);
  }
  writer.write_key("shutdown");
  writer.write_bool(changes.shutdown);
}

result<kv_cache_events> decode_kv_cache_events(byte_view payload) {
  msgpack_reader in{payload};
  kv_cache_events changes;
  read_struct(
      in, required_key<"events">([&] {
        read_list(in, changes.events,
                  [&](kv_cache_event& next) { read_cache_event(in, next); });
      }),
      required_key<"shutdown">([&] { changes.shutdown = in.read_bool(); }));
  if (!in.ok()) {
    return in.failure("KvCacheEvents");
  }
  return changes;
}

} // namespace dynamo
