#include "apps/bench/roles/codec_bound.hpp"

#include <cstring>
#include <string_view>

namespace dynamo::apps::bound {

namespace {

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

} // namespace dynamo::apps::bound
