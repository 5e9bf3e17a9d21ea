#include "dynamo/wire/engine_event_reader.hpp"

#include "dynamo/wire/mm_object_codec.hpp"
#include "dynamo/wire/struct_reader.hpp"

#include <string>
#include <utility>

// One event, in the two encodings that engines use:
//
//   ["BlockStored", block_hashes, parent_block_hash, token_ids, block_size,
//    lora_id, medium, lora_name, extra_keys, group_idx, kv_cache_spec_kind,
//    kv_cache_spec_sliding_window, locality, ownership]
//   ["BlockRemoved", block_hashes, medium, group_idx, kv_cache_spec_kind,
//    kv_cache_spec_sliding_window, locality, ownership]
//   ["AllBlocksCleared", ownership]
//   ["Ignored", ...]
//
// where senders stop early as they like, or a map of the same names with
// "type". Maps may also hold what has no position.

namespace dynamo {

namespace {

std::uint64_t read_hash(msgpack_reader& in) {
  if (in.peek() != msgpack_type::binary) {
    return in.read_bits64();
  }
  const std::size_t start = in.offset();
  const byte_view bytes = in.read_bin();
  if (in.ok() && bytes.size() < 8) {
    in.fail(errc::unsupported, start,
            "expected 8 bytes or more as a block hash");
  }
  return in.ok() ? load_u64_be(bytes.last(8).data()) : 0;
}

void read_hashes(msgpack_reader& in, std::vector<std::uint64_t>& out) {
  read_list(in, out, [&](std::uint64_t& hash) { hash = read_hash(in); });
}

void read_tokens(msgpack_reader& in, std::vector<std::uint32_t>& out) {
  read_list(in, out, [&](std::uint32_t& token) { token = in.read_u32(); });
}

bool holds_arrays(msgpack_reader in) {
  return in.read_array_header() > 0 && in.peek() == msgpack_type::array;
}

void read_token_ids(msgpack_reader& in, engine_blocks_stored& stored) {
  if (!holds_arrays(in)) {
    read_tokens(in, stored.token_ids);
    return;
  }
  read_list(in, stored.token_pairs, [&](auto& pair) {
    const std::size_t start = in.offset();
    if (in.read_array_header() != 2) {
      in.fail(errc::malformed, start, "expected a pair of tokens");
    }
    pair.first = in.read_u32();
    pair.second = in.read_u32();
  });
}

/// Reads [text, number]; nothing for any other array.
std::optional<engine_extra_key> read_placed_key(msgpack_reader& in) {
  msgpack_reader pair = in;
  in.skip();
  if (pair.read_array_header() != 2 || pair.peek() != msgpack_type::string) {
    return std::nullopt;
  }
  std::string text{pair.read_str()};
  const std::int64_t place = pair.read_i64();
  if (!pair.ok()) {
    return std::nullopt;
  }
  return std::pair{std::move(text), place};
}

std::optional<engine_extra_key> read_extra_key(msgpack_reader& in) {
  switch (in.peek()) {
  case msgpack_type::string:
    return std::string{in.read_str()};
  case msgpack_type::binary: {
    const byte_view bytes = in.read_bin();
    return byte_buffer{bytes.begin(), bytes.end()};
  }
  case msgpack_type::integer:
    return in.read_bits64();
  case msgpack_type::array:
    return read_placed_key(in);
  default:
    in.skip();
    return std::nullopt;
  }
}

void read_extra_keys(msgpack_reader& in,
                     std::vector<std::vector<engine_extra_key>>& out) {
  if (in.take_nil()) {
    return;
  }
  read_list(in, out, [&](std::vector<engine_extra_key>& keys) {
    const std::size_t count = in.take_nil() ? 0 : in.read_array_header();
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
      if (auto key = read_extra_key(in)) {
        keys.push_back(*std::move(key));
      }
    }
  });
}

void read_lookahead(msgpack_reader& in,
                    std::vector<std::vector<std::uint32_t>>& out) {
  if (in.take_nil()) {
    return;
  }
  read_list(in, out, [&](std::vector<std::uint32_t>& tokens) {
    if (!in.take_nil()) {
      read_tokens(in, tokens);
    }
  });
}

void read_mm_infos(msgpack_reader& in,
                   std::vector<std::optional<std::vector<mm_object>>>& out) {
  if (!in.take_nil()) {
    read_list(in, out, [&](std::optional<std::vector<mm_object>>& objects) {
      if (!in.take_nil()) {
        read_mm_objects(in, objects.emplace());
      }
    });
  }
}

void read_optional_i64(msgpack_reader& in, std::optional<std::int64_t>& out) {
  read_optional(in, out, [&] { return in.read_i64(); });
}

/// Where the fields of an event begin, and what it says it is.
struct tagged_event {
  std::string_view tag;
  std::size_t start = 0;
  /// Values behind the tag of an array.
  std::size_t count = 0;
  bool is_map = false;
};

/// Finds the tag. The reader then stands behind an array's tag, but before a
/// whole map, whose tag may be anywhere in it.
tagged_event read_tag(msgpack_reader& in) {
  tagged_event event;
  event.start = in.offset();
  event.is_map = in.peek() == msgpack_type::map;
  if (!event.is_map) {
    const std::size_t count = in.read_array_header();
    if (count == 0) {
      in.fail(errc::malformed, event.start, "expected an event with a tag");
      return event;
    }
    event.tag = in.read_str();
    event.count = count - 1;
    return event;
  }
  msgpack_reader keys = in;
  const std::size_t count = keys.read_map_header();
  for (std::size_t i = 0; i < count && keys.ok(); ++i) {
    if (keys.read_key() == "type") {
      event.tag = keys.read_str();
      break;
    }
    keys.skip();
  }
  if (!keys.ok()) {
    in = keys;
  } else if (event.tag.empty()) {
    in.fail(errc::malformed, event.start, "missing key type");
  }
  return event;
}

template <class... Fields>
void read_fields(msgpack_reader& in, const tagged_event& event,
                 const Fields&... fields) {
  const std::uint32_t seen =
      event.is_map ? read_struct_map(in, fields...)
                   : read_struct_array(in, event.count, fields...);
  check_required(in, event.start, seen, fields...);
}

engine_blocks_stored read_stored(msgpack_reader& in,
                                 const tagged_event& event) {
  engine_blocks_stored out;
  engine_cache& cache = out.cache;
  const auto text = [&](std::optional<std::string>& into) {
    return [&in, &into] { read_optional_text(in, into); };
  };
  read_fields(
      in, event,
      required_key<"block_hashes">([&] { read_hashes(in, out.block_hashes); }),
      optional_key<"parent_block_hash">([&] {
        read_optional(in, out.parent_hash, [&] { return read_hash(in); });
      }),
      required_key<"token_ids">([&] { read_token_ids(in, out); }),
      required_key<"block_size">([&] { out.block_size = in.read_u64(); }),
      optional_key<"lora_id">([&] { in.skip(); }),
      optional_key<"medium">(text(cache.medium)),
      optional_key<"lora_name">(text(out.lora_name)),
      optional_key<"extra_keys">([&] { read_extra_keys(in, out.extra_keys); }),
      optional_key<"group_idx">(
          [&] { read_optional_u64(in, cache.group_idx); }),
      optional_key<"kv_cache_spec_kind">(text(cache.spec_kind)),
      optional_key<"kv_cache_spec_sliding_window">(
          [&] { read_optional_i64(in, cache.sliding_window); }),
      optional_key<"locality">(text(cache.locality)),
      optional_key<"ownership">(text(cache.ownership)),
      optional_key<"session_id">(text(cache.session_id)),
      optional_key<"lookahead_token_ids">(
          [&] { read_lookahead(in, out.lookahead_token_ids); }),
      optional_key<"cache_salt">(text(out.cache_salt)),
      optional_key<"block_mm_infos">(
          [&] { read_mm_infos(in, out.mm_objects); }));
  return out;
}

engine_blocks_removed read_removed(msgpack_reader& in,
                                   const tagged_event& event) {
  engine_blocks_removed out;
  engine_cache& cache = out.cache;
  const auto text = [&](std::optional<std::string>& into) {
    return [&in, &into] { read_optional_text(in, into); };
  };
  read_fields(in, event, required_key<"block_hashes">([&] {
                read_hashes(in, out.block_hashes);
              }),
              optional_key<"medium">(text(cache.medium)),
              optional_key<"group_idx">(
                  [&] { read_optional_u64(in, cache.group_idx); }),
              optional_key<"kv_cache_spec_kind">(text(cache.spec_kind)),
              optional_key<"kv_cache_spec_sliding_window">(
                  [&] { read_optional_i64(in, cache.sliding_window); }),
              optional_key<"locality">(text(cache.locality)),
              optional_key<"ownership">(text(cache.ownership)),
              optional_key<"session_id">(text(cache.session_id)));
  return out;
}

engine_blocks_cleared read_cleared(msgpack_reader& in,
                                   const tagged_event& event) {
  engine_blocks_cleared out;
  read_fields(in, event, optional_key<"ownership">([&] {
                read_optional_text(in, out.ownership);
              }));
  return out;
}

} // namespace

engine_event read_engine_event(msgpack_reader& in) {
  const msgpack_reader start = in;
  const tagged_event event = read_tag(in);
  if (event.tag == "BlockStored") {
    return read_stored(in, event);
  }
  if (event.tag == "BlockRemoved") {
    return read_removed(in, event);
  }
  if (event.tag == "AllBlocksCleared") {
    return read_cleared(in, event);
  }
  if (in.ok()) {
    in = start;
    in.skip();
  }
  if (event.tag == "Ignored") {
    return engine_ignored{};
  }
  return engine_unknown{std::string{event.tag}};
}

} // namespace dynamo
