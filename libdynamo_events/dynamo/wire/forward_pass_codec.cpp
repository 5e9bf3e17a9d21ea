#include "dynamo/wire/event_codec.hpp"
#include "dynamo/wire/msgpack.hpp"
#include "dynamo/wire/struct_reader.hpp"

#include <string>

// The payload of forward-pass-metrics, which engines write in Python and
// relays pass on untouched:
//
//   {"version": uint, "worker_id": str, "dp_rank": uint, "counter_id": uint,
//    "wall_time": f64,
//    "scheduled_requests": {"num_prefill_requests": uint,
//      "sum_prefill_tokens": uint, "var_prefill_length": f64,
//      "sum_prefill_kv_tokens": uint, "num_decode_requests": uint,
//      "sum_decode_kv_tokens": uint, "var_decode_kv_tokens": f64},
//    "queued_requests": the same without "sum_prefill_kv_tokens"}

namespace dynamo {

namespace {

void write_scheduled(msgpack_writer& out, const scheduled_requests& requests) {
  out.write_map_header(7);
  out.write_key("num_prefill_requests");
  out.write_uint(requests.num_prefill_requests);
  out.write_key("sum_prefill_tokens");
  out.write_uint(requests.sum_prefill_tokens);
  out.write_key("var_prefill_length");
  out.write_f64(requests.var_prefill_length);
  out.write_key("sum_prefill_kv_tokens");
  out.write_uint(requests.sum_prefill_kv_tokens);
  out.write_key("num_decode_requests");
  out.write_uint(requests.num_decode_requests);
  out.write_key("sum_decode_kv_tokens");
  out.write_uint(requests.sum_decode_kv_tokens);
  out.write_key("var_decode_kv_tokens");
  out.write_f64(requests.var_decode_kv_tokens);
}

void write_queued(msgpack_writer& out, const queued_requests& requests) {
  out.write_map_header(6);
  out.write_key("num_prefill_requests");
  out.write_uint(requests.num_prefill_requests);
  out.write_key("sum_prefill_tokens");
  out.write_uint(requests.sum_prefill_tokens);
  out.write_key("var_prefill_length");
  out.write_f64(requests.var_prefill_length);
  out.write_key("num_decode_requests");
  out.write_uint(requests.num_decode_requests);
  out.write_key("sum_decode_kv_tokens");
  out.write_uint(requests.sum_decode_kv_tokens);
  out.write_key("var_decode_kv_tokens");
  out.write_f64(requests.var_decode_kv_tokens);
}

void read_scheduled(msgpack_reader& in, scheduled_requests& out) {
  read_struct(in, optional_key<"num_prefill_requests">([&] {
                out.num_prefill_requests = in.read_u64();
              }),
              optional_key<"sum_prefill_tokens">(
                  [&] { out.sum_prefill_tokens = in.read_u64(); }),
              optional_key<"var_prefill_length">(
                  [&] { out.var_prefill_length = in.read_f64(); }),
              optional_key<"sum_prefill_kv_tokens">(
                  [&] { out.sum_prefill_kv_tokens = in.read_u64(); }),
              optional_key<"num_decode_requests">(
                  [&] { out.num_decode_requests = in.read_u64(); }),
              optional_key<"sum_decode_kv_tokens">(
                  [&] { out.sum_decode_kv_tokens = in.read_u64(); }),
              optional_key<"var_decode_kv_tokens">(
                  [&] { out.var_decode_kv_tokens = in.read_f64(); }));
}

void read_queued(msgpack_reader& in, queued_requests& out) {
  read_struct(in, optional_key<"num_prefill_requests">([&] {
                out.num_prefill_requests = in.read_u64();
              }),
              optional_key<"sum_prefill_tokens">(
                  [&] { out.sum_prefill_tokens = in.read_u64(); }),
              optional_key<"var_prefill_length">(
                  [&] { out.var_prefill_length = in.read_f64(); }),
              optional_key<"num_decode_requests">(
                  [&] { out.num_decode_requests = in.read_u64(); }),
              optional_key<"sum_decode_kv_tokens">(
                  [&] { out.sum_decode_kv_tokens = in.read_u64(); }),
              optional_key<"var_decode_kv_tokens">(
                  [&] { out.var_decode_kv_tokens = in.read_f64(); }));
}

} // namespace

void encode_forward_pass(const forward_pass_metrics& pass, byte_buffer& out) {
  msgpack_writer writer{out, 512};
  writer.write_map_header(7);
  writer.write_key("version");
  writer.write_uint(pass.version);
  writer.write_key("worker_id");
  writer.write_str(pass.worker_id);
  writer.write_key("dp_rank");
  writer.write_uint(pass.dp_rank);
  writer.write_key("counter_id");
  writer.write_uint(pass.counter_id);
  writer.write_key("wall_time");
  writer.write_f64(pass.wall_time);
  writer.write_key("scheduled_requests");
  write_scheduled(writer, pass.scheduled);
  writer.write_key("queued_requests");
  write_queued(writer, pass.queued);
}

result<forward_pass_metrics> decode_forward_pass(byte_view payload) {
  msgpack_reader in{payload};
  forward_pass_metrics pass;
  pass.version = 0;
  read_struct(
      in, optional_key<"version">([&] { pass.version = in.read_u64(); }),
      optional_key<"worker_id">(
          [&] { pass.worker_id = std::string{in.read_str()}; }),
      optional_key<"dp_rank">([&] { pass.dp_rank = in.read_u64(); }),
      optional_key<"counter_id">([&] { pass.counter_id = in.read_u64(); }),
      optional_key<"wall_time">([&] { pass.wall_time = in.read_f64(); }),
      optional_key<"scheduled_requests">(
          [&] { read_scheduled(in, pass.scheduled); }),
      optional_key<"queued_requests">([&] { read_queued(in, pass.queued); }));
  if (!in.ok()) {
    return in.failure("forward-pass-metrics");
  }
  return pass;
}

} // namespace dynamo
