#include "dynamo/wire/event_codec.hpp"
#include "dynamo/wire/msgpack.hpp"
#include "dynamo/wire/struct_reader.hpp"
#include "dynamo/wire/struct_writer.hpp"

// The payload of kv_metrics:
//
//   ActiveLoad  {"worker_id": u64, "dp_rank": u32,
//                "active_decode_blocks": u64|nil,
//                "active_prefill_tokens": u64|nil, "kv_used_blocks": u64|nil}
//
// A development branch of Dynamo has "scheduler_load_scope" before the last
// key; it is passed over as any unknown key.

namespace dynamo {

void encode_active_load(const active_load& load, byte_buffer& out) {
  // Five keys of up to 22 bytes, five numbers and the map.
  constexpr std::size_t bytes_max =
      1 + 5 * (22 + msgpack_cursor::uint_bytes_max);
  msgpack_writer writer{out, bytes_max};
  msgpack_cursor at = writer.reserve(bytes_max);
  at.map_header(5);
  at.key("worker_id");
  at.uint(load.worker_id);
  at.key("dp_rank");
  at.uint(load.dp_rank);
  at.key("active_decode_blocks");
  at.optional_uint(load.active_decode_blocks);
  at.key("active_prefill_tokens");
  at.optional_uint(load.active_prefill_tokens);
  at.key("kv_used_blocks");
  at.optional_uint(load.kv_used_blocks);
  writer.commit(at);
}

result<active_load> decode_active_load(byte_view payload) {
  msgpack_reader in{payload};
  active_load load;
  read_struct(
      in, required_key<"worker_id">([&] { load.worker_id = in.read_u64(); }),
      optional_key<"dp_rank">([&] { load.dp_rank = in.read_u32(); }),
      optional_key<"active_decode_blocks">(
          [&] { read_optional_u64(in, load.active_decode_blocks); }),
      optional_key<"active_prefill_tokens">(
          [&] { read_optional_u64(in, load.active_prefill_tokens); }),
      optional_key<"kv_used_blocks">(
          [&] { read_optional_u64(in, load.kv_used_blocks); }));
  if (!in.ok()) {
    return in.failure("kv_metrics");
  }
  return load;
}

} // namespace dynamo
