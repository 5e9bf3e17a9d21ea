#include "dynamo/wire/event_codec.hpp"
#include "dynamo/wire/msgpack.hpp"
#include "dynamo/wire/struct_reader.hpp"
#include "dynamo/wire/struct_writer.hpp"

// Payloads whose types Dynamo still has, but which no process sends:
//
//   PrefillEvent      {"request_id": str, "worker_id": u64, "data": data,
//                      "router_id": u64}, data one of {"NewPrefill": uint},
//                     {"UpdatePrefill": uint}, "CompletePrefill"
//   ActiveBlockEvent  {"request_id": str,
//                      "data": {"NewBlock": [u64]} | "FreeBlock"}
//
// KvCacheEvents, {"events": [KvCacheEvent], "shutdown": bool}, stands with its
// events in kv_event_codec.cpp.

namespace dynamo {

namespace {

struct prefill_writer {
  msgpack_writer& out;

  void operator()(const prefill_event::new_prefill& progress) const {
    out.write_map_header(1);
    out.write_str("NewPrefill");
    out.write_uint(progress.tokens);
  }
  void operator()(const prefill_event::update_prefill& progress) const {
    out.write_map_header(1);
    out.write_str("UpdatePrefill");
    out.write_uint(progress.tokens);
  }
  void operator()(const prefill_event::complete_prefill&) const {
    out.write_str("CompletePrefill");
  }
};

struct block_writer {
  msgpack_writer& out;

  void operator()(const active_block_event::new_block& block) const {
    out.write_map_header(1);
    out.write_str("NewBlock");
    write_uint_list(out, block.hashes);
  }
  void operator()(const active_block_event::free_block&) const {
    out.write_str("FreeBlock");
  }
};

} // namespace

void encode_prefill_event(const prefill_event& progress, byte_buffer& out) {
  msgpack_writer writer{out};
  writer.write_map_header(4);
  writer.write_str("request_id");
  writer.write_str(progress.request_id);
  writer.write_str("worker_id");
  writer.write_uint(progress.worker_id);
  writer.write_str("data");
  std::visit(prefill_writer{writer}, progress.data);
  writer.write_str("router_id");
  writer.write_uint(progress.router_id);
}

result<prefill_event> decode_prefill_event(byte_view payload) {
  msgpack_reader in{payload};
  prefill_event progress;
  auto& data = progress.data;
  const auto read_data = [&] {
    read_enum(in, data_variant<"NewPrefill">([&] {
                data.emplace<prefill_event::new_prefill>().tokens =
                    in.read_u64();
              }),
              data_variant<"UpdatePrefill">([&] {
                data.emplace<prefill_event::update_prefill>().tokens =
                    in.read_u64();
              }),
              unit_variant<"CompletePrefill">(
                  [&] { data.emplace<prefill_event::complete_prefill>(); }));
  };
  read_struct(
      in,
      required_key<"request_id">([&] { progress.request_id = in.read_str(); }),
      required_key<"worker_id">([&] { progress.worker_id = in.read_u64(); }),
      required_key<"data">(read_data),
      required_key<"router_id">([&] { progress.router_id = in.read_u64(); }));
  if (!in.ok()) {
    return in.failure("PrefillEvent");
  }
  return progress;
}

void encode_active_block_event(const active_block_event& change,
                               byte_buffer& out) {
  msgpack_writer writer{out};
  writer.write_map_header(2);
  writer.write_str("request_id");
  writer.write_str(change.request_id);
  writer.write_str("data");
  std::visit(block_writer{writer}, change.data);
}

result<active_block_event> decode_active_block_event(byte_view payload) {
  msgpack_reader in{payload};
  active_block_event change;
  auto& data = change.data;
  const auto read_data = [&] {
    read_enum(in, data_variant<"NewBlock">([&] {
                read_u64_list(
                    in, data.emplace<active_block_event::new_block>().hashes);
              }),
              unit_variant<"FreeBlock">(
                  [&] { data.emplace<active_block_event::free_block>(); }));
  };
  read_struct(in, required_key<"request_id">([&] {
                change.request_id = in.read_str();
              }),
              required_key<"data">(read_data));
  if (!in.ok()) {
    return in.failure("ActiveBlockEvent");
  }
  return change;
}

} // namespace dynamo
