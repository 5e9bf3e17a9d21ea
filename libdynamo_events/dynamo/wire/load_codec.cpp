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
  msgpack_writer writer{out, 128};
  writer.write_map_header(5);
  writer.write_key("worker_id");
  writer.write_uint(load.worker_id);
  writer.write_key("dp_rank");
  writer.write_uint(load.dp_rank);
  writer.write_key("active_decode_blocks");
  write_optional_uint(writer, load.active_decode_blocks);
  writer.write_key("active_prefill_tokens");
  write_optional_uint(writer, load.active_prefill_tokens);
  writer.write_key("kv_used_blocks");
  write_optional_uint(writer, load.kv_used_blocks);
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
