#include "apps/bench/roles/codec_bound.hpp"

#include <cstring>
#include <string_view>

namespace dynamo::apps::bound {

namespace {

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
