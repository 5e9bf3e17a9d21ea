#include "dynamo/wire/engine_codec.hpp"

#include "dynamo/wire/engine_event_reader.hpp"
#include "dynamo/wire/msgpack.hpp"
#include "dynamo/wire/struct_reader.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

// One batch:
//
//   [f64 timestamp, [event], data_parallel_rank: i32|nil]
//   [f64 timestamp, [event]]
//   {"ts": f64, "events": [event], "data_parallel_rank"|"dp_rank": i32|nil}

namespace dynamo {

namespace {

/// Room is made at once for at most so many events; they are large.
constexpr std::size_t reserved_engine_events_max = 32;

void read_rank(msgpack_reader& in, std::optional<std::int32_t>& out) {
  if (in.take_nil()) {
    return;
  }
  const std::size_t start = in.offset();
  const std::int64_t rank = in.read_i64();
  using limits = std::numeric_limits<std::int32_t>;
  if (rank < limits::min() || rank > limits::max()) {
    in.fail(errc::too_large, start, "expected a rank of 32 bits");
    return;
  }
  out = static_cast<std::int32_t>(rank);
}

void skip_event(msgpack_reader& in, const msgpack_reader& start,
                engine_batch& batch) {
  ++batch.skipped;
  if (batch.skip_reasons.size() < engine_skip_reasons_max) {
    batch.skip_reasons.push_back(in.failure("engine event"));
  }
  in = start;
  in.skip();
}

void read_events(msgpack_reader& in, engine_batch& batch) {
  const std::size_t count = in.read_array_header();
  batch.events.reserve(std::min(count, reserved_engine_events_max));
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const msgpack_reader start = in;
    engine_event next = read_engine_event(in);
    if (in.ok()) {
      batch.events.push_back(std::move(next));
    } else {
      skip_event(in, start, batch);
    }
  }
}

} // namespace

result<engine_message> read_engine_message(std::span<const byte_view> parts) {
  if (parts.size() != 3) {
    return error{errc::malformed, "engine message: expected 3 parts, got " +
                                      std::to_string(parts.size())};
  }
  if (parts[1].size() != 8) {
    return error{errc::malformed,
                 "engine message: expected a sequence of 8 bytes, got " +
                     std::to_string(parts[1].size())};
  }
  return engine_message{text_of(parts[0]), load_u64_be(parts[1].data()),
                        parts[2]};
}

result<engine_batch> decode_engine_batch(byte_view payload) {
  msgpack_reader in{payload};
  engine_batch batch;
  const auto ts = required_key<"ts">([&] { batch.timestamp = in.read_f64(); });
  const auto events = required_key<"events">([&] { read_events(in, batch); });
  const auto read = [&] { read_rank(in, batch.data_parallel_rank); };
  if (in.peek() == msgpack_type::array) {
    read_struct(in, ts, events, optional_key<"data_parallel_rank">(read));
  } else {
    read_struct(in, ts, events, optional_key<"data_parallel_rank">(read),
                optional_key<"dp_rank">(read));
  }
  if (!in.ok()) {
    return in.failure("engine batch");
  }
  return batch;
}

} // namespace dynamo
