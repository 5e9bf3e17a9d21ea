#include "apps/bench/roles/codec_bound.hpp"

#include <bit>
#include <cstring>
#include <string_view>

namespace dynamo::apps::bound {

namespace {

// -- Writing

struct writer {
  std::uint8_t* at;

  void byte(std::uint8_t value) { *at++ = value; }

  /// Text whose length the compiler knows.
  template <std::size_t Size>
  void key(const char (&text)[Size]) {
    static_assert(Size <= 32);
    *at++ = static_cast<std::uint8_t>(0xa0 | (Size - 1));
    std::memcpy(at, text, Size - 1);
    at += Size - 1;
  }

  void text(std::string_view value) {
    if (value.size() < 32) {
      byte(static_cast<std::uint8_t>(0xa0 | value.size()));
    } else {
      byte(0xd9);
      byte(static_cast<std::uint8_t>(value.size()));
    }
    raw(value.data(), value.size());
  }

  void raw(const void* bytes, std::size_t size) {
    std::memcpy(at, bytes, size);
    at += size;
  }

  void number(std::uint64_t value) {
    if (value > 0xffffffff) {
      byte(0xcf);
      const std::uint64_t swapped = __builtin_bswap64(value);
      raw(&swapped, 8);
    } else if (value > 0xffff) {
      byte(0xce);
      const std::uint32_t swapped =
          __builtin_bswap32(static_cast<std::uint32_t>(value));
      raw(&swapped, 4);
    } else if (value > 0xff) {
      byte(0xcd);
      byte(static_cast<std::uint8_t>(value >> 8));
      byte(static_cast<std::uint8_t>(value));
    } else {
      if (value > 0x7f) {
        byte(0xcc);
      }
      byte(static_cast<std::uint8_t>(value));
    }
  }

  void array(std::size_t count) {
    if (count < 16) {
      byte(static_cast<std::uint8_t>(0x90 | count));
      return;
    }
    byte(0xdc);
    byte(static_cast<std::uint8_t>(count >> 8));
    byte(static_cast<std::uint8_t>(count));
  }
};

// -- Reading

struct reader {
  const std::uint8_t* at;
  const std::uint8_t* end;
  bool is_right = true;

  std::size_t left() const { return static_cast<std::size_t>(end - at); }

  bool has(std::size_t bytes) {
    is_right = is_right && left() >= bytes;
    return is_right;
  }

  void byte(std::uint8_t value) {
    if (has(1)) {
      is_right = *at++ == value;
    }
  }

  template <std::size_t Size>
  void key(const char (&text)[Size]) {
    if (has(Size)) {
      is_right = at[0] == (0xa0 | (Size - 1)) &&
                 std::memcmp(at + 1, text, Size - 1) == 0;
      at += Size;
    }
  }

  std::uint64_t number() {
    if (!has(1)) {
      return 0;
    }
    const std::uint8_t lead = *at++;
    if (lead < 0x80) {
      return lead;
    }
    if (lead < 0xcc || lead > 0xcf) {
      is_right = false;
      return 0;
    }
    const std::size_t size = std::size_t{1} << (lead - 0xcc);
    if (!has(size)) {
      return 0;
    }
    std::uint64_t value = 0;
    if (size == 8) {
      std::memcpy(&value, at, 8);
      value = __builtin_bswap64(value);
    } else {
      for (std::size_t i = 0; i < size; ++i) {
        value = value << 8 | at[i];
      }
    }
    at += size;
    return value;
  }

  std::size_t array() {
    if (!has(1)) {
      return 0;
    }
    const std::uint8_t lead = *at++;
    if (lead >= 0x90 && lead < 0xa0) {
      return lead & 0x0f;
    }
    is_right = lead == 0xdc;
    if (!has(2)) {
      return 0;
    }
    const std::size_t count = static_cast<std::size_t>(at[0]) << 8 | at[1];
    at += 2;
    return count;
  }

  std::string_view text() {
    if (!has(2)) {
      return {};
    }
    std::size_t size = *at++;
    if (size == 0xd9) {
      size = *at++;
    } else {
      is_right = size >= 0xa0 && size < 0xc0;
      size &= 0x1f;
    }
    return piece(size);
  }

  byte_view binary() {
    if (!has(2)) {
      return {};
    }
    is_right = *at++ == 0xc4;
    const std::string_view bytes = piece(*at++);
    return bytes_of(bytes);
  }

  std::string_view piece(std::size_t size) {
    if (!has(size)) {
      return {};
    }
    const std::string_view bytes{reinterpret_cast<const char*>(at), size};
    at += size;
    return bytes;
  }
};

reader reader_of(byte_view bytes) {
  return {bytes.data(), bytes.data() + bytes.size()};
}

} // namespace

std::uint8_t* encode(std::uint8_t* at, const envelope& value) {
  writer out{at};
  out.byte(0x85);
  out.key("publisher_id");
  out.number(value.publisher_id);
  out.key("sequence");
  out.number(value.sequence);
  out.key("published_at");
  out.number(value.published_at_ms);
  out.key("topic");
  out.text(value.topic);
  out.key("payload");
  out.byte(0xc4);
  out.byte(static_cast<std::uint8_t>(value.payload.size()));
  out.raw(value.payload.data(), value.payload.size());
  return out.at;
}

std::uint8_t* encode(std::uint8_t* at, const router_event& value) {
  const auto& stored = std::get<kv_stored>(value.event.data);
  writer out{at};
  out.byte(0x91);
  out.byte(0x83);
  out.key("worker_id");
  out.number(value.worker_id);
  out.key("storage_tier");
  out.key("device");
  out.key("event");
  out.byte(0x83);
  out.key("event_id");
  out.number(value.event.event_id);
  out.key("data");
  out.byte(0x81);
  out.key("stored");
  out.byte(0x83);
  out.key("parent_hash");
  out.number(*stored.parent_hash);
  out.key("start_position");
  out.byte(0xc0);
  out.key("blocks");
  out.array(stored.blocks.size());
  for (const kv_block& block : stored.blocks) {
    out.byte(0x83);
    out.key("block_hash");
    out.number(block.block_hash);
    out.key("tokens_hash");
    out.number(block.tokens_hash);
    out.key("mm_extra_info");
    out.byte(0xc0);
  }
  out.key("dp_rank");
  out.number(value.event.dp_rank);
  return out.at;
}

std::uint8_t* encode(std::uint8_t* at, const active_load& value) {
  writer out{at};
  out.byte(0x85);
  out.key("worker_id");
  out.number(value.worker_id);
  out.key("dp_rank");
  out.number(value.dp_rank);
  out.key("active_decode_blocks");
  out.number(*value.active_decode_blocks);
  out.key("active_prefill_tokens");
  out.number(*value.active_prefill_tokens);
  out.key("kv_used_blocks");
  out.number(*value.kv_used_blocks);
  return out.at;
}

std::uint8_t* encode(std::uint8_t* at, const active_sequence_event& value) {
  const auto& request = std::get<add_request>(value.data);
  writer out{at};
  out.byte(0x81);
  out.key("events");
  out.byte(0x91);
  out.byte(0x85);
  out.key("request_id");
  out.text(value.request_id);
  out.key("worker");
  out.byte(0x82);
  out.key("worker_id");
  out.number(value.worker.worker_id);
  out.key("dp_rank");
  out.number(value.worker.dp_rank);
  out.key("data");
  out.byte(0x81);
  out.key("AddRequest");
  out.byte(0x84);
  out.key("token_sequence");
  out.array(request.token_sequence->size());
  for (const std::uint64_t hash : *request.token_sequence) {
    out.number(hash);
  }
  out.key("track_prefill_tokens");
  out.byte(request.track_prefill_tokens ? 0xc3 : 0xc2);
  out.key("expected_output_tokens");
  out.byte(0xc0);
  out.key("prefill_load_hint");
  out.byte(0xc0);
  out.key("router_id");
  out.number(value.router_id);
  out.key("lora_name");
  out.byte(0xc0);
  return out.at;
}

bool decode(byte_view bytes, envelope& value) {
  reader in = reader_of(bytes);
  in.byte(0x85);
  in.key("publisher_id");
  value.publisher_id = in.number();
  in.key("sequence");
  value.sequence = in.number();
  in.key("published_at");
  value.published_at_ms = in.number();
  in.key("topic");
  value.topic = in.text();
  in.key("payload");
  value.payload = in.binary();
  return in.is_right;
}

bool decode(byte_view bytes, router_event& value) {
  reader in = reader_of(bytes);
  in.byte(0x91);
  in.byte(0x83);
  in.key("worker_id");
  value.worker_id = in.number();
  in.key("storage_tier");
  in.key("device");
  in.key("event");
  in.byte(0x83);
  in.key("event_id");
  value.event.event_id = in.number();
  in.key("data");
  in.byte(0x81);
  in.key("stored");
  auto& stored = value.event.data.emplace<kv_stored>();
  in.byte(0x83);
  in.key("parent_hash");
  stored.parent_hash = in.number();
  in.key("start_position");
  in.byte(0xc0);
  in.key("blocks");
  const std::size_t count = in.array();
  if (!in.has(count)) {
    return false;
  }
  stored.blocks.resize(count);
  for (kv_block& block : stored.blocks) {
    in.byte(0x83);
    in.key("block_hash");
    block.block_hash = in.number();
    in.key("tokens_hash");
    block.tokens_hash = in.number();
    in.key("mm_extra_info");
    in.byte(0xc0);
  }
  in.key("dp_rank");
  value.event.dp_rank = static_cast<std::uint32_t>(in.number());
  return in.is_right;
}

bool decode(byte_view bytes, active_load& value) {
  reader in = reader_of(bytes);
  in.byte(0x85);
  in.key("worker_id");
  value.worker_id = in.number();
  in.key("dp_rank");
  value.dp_rank = static_cast<std::uint32_t>(in.number());
  in.key("active_decode_blocks");
  value.active_decode_blocks = in.number();
  in.key("active_prefill_tokens");
  value.active_prefill_tokens = in.number();
  in.key("kv_used_blocks");
  value.kv_used_blocks = in.number();
  return in.is_right;
}

bool decode(byte_view bytes, active_sequence_event& value) {
  reader in = reader_of(bytes);
  in.byte(0x81);
  in.key("events");
  in.byte(0x91);
  in.byte(0x85);
  in.key("request_id");
  value.request_id = in.text();
  in.key("worker");
  in.byte(0x82);
  in.key("worker_id");
  value.worker.worker_id = in.number();
  in.key("dp_rank");
  value.worker.dp_rank = static_cast<std::uint32_t>(in.number());
  in.key("data");
  in.byte(0x81);
  in.key("AddRequest");
  auto& request = value.data.emplace<add_request>();
  in.byte(0x84);
  in.key("token_sequence");
  const std::size_t count = in.array();
  if (!in.has(count)) {
    return false;
  }
  request.token_sequence.emplace(count);
  for (std::uint64_t& hash : *request.token_sequence) {
    hash = in.number();
  }
  in.key("track_prefill_tokens");
  if (in.has(1)) {
    request.track_prefill_tokens = *in.at++ == 0xc3;
  }
  in.key("expected_output_tokens");
  in.byte(0xc0);
  in.key("prefill_load_hint");
  in.byte(0xc0);
  in.key("router_id");
  value.router_id = in.number();
  in.key("lora_name");
  in.byte(0xc0);
  return in.is_right;
}

} // namespace dynamo::apps::bound
