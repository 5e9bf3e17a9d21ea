#include "dynamo/wire/envelope_codec.hpp"

#include "dynamo/wire/msgpack.hpp"
#include "dynamo/wire/struct_reader.hpp"

#include <array>
#include <limits>
#include <string>
#include <string_view>

namespace dynamo {

namespace {

constexpr std::size_t field_count = 5;

constexpr std::array<std::string_view, field_count> field_names{
    "publisher_id", "sequence", "published_at", "topic", "payload"};

constexpr std::array<std::string_view, field_count> repeated{
    "expected publisher_id once, got it twice",
    "expected sequence once, got it twice",
    "expected published_at once, got it twice",
    "expected topic once, got it twice", "expected payload once, got it twice"};

/// Size of an envelope apart from topic and payload: map, keys, three integers
/// of 9 bytes and two headers of 5.
constexpr std::size_t overhead_max_bytes = 1 + 13 + 9 + 13 + 6 + 8 + 27 + 10;

/// Which field a key names; `field_count` for unknown ones. Nearly always it
/// is the one that is due.
std::size_t field_of(std::string_view key, std::size_t due) {
  if (due < field_count && key == field_names[due]) {
    return due;
  }
  std::size_t field = 0;
  while (field < field_count && key != field_names[field]) {
    ++field;
  }
  return field;
}

void read_field(msgpack_reader& reader, std::size_t field, envelope& out) {
  switch (field) {
  case 0:
    out.publisher_id = reader.read_u64();
    break;
  case 1:
    out.sequence = reader.read_u64();
    break;
  case 2:
    out.published_at_ms = reader.read_u64();
    break;
  case 3:
    out.topic = reader.read_str();
    break;
  case 4:
    out.payload = reader.read_bin_or_str();
    break;
  default:
    reader.skip();
    break;
  }
}

bool read_in_order(msgpack_reader& in, envelope& out) {
  if (!in.take(std::array<std::uint8_t, 1>{0x80 | field_count}) ||
      !in.take(encoded_key<"publisher_id">)) {
    return false;
  }
  out.publisher_id = in.read_u64();
  if (!in.take(encoded_key<"sequence">)) {
    return false;
  }
  out.sequence = in.read_u64();
  if (!in.take(encoded_key<"published_at">)) {
    return false;
  }
  out.published_at_ms = in.read_u64();
  if (!in.take(encoded_key<"topic">)) {
    return false;
  }
  out.topic = in.read_str();
  if (!in.take(encoded_key<"payload">)) {
    return false;
  }
  out.payload = in.read_bin_or_str();
  return in.ok();
}

result<envelope> decode_positional(msgpack_reader reader) {
  const std::size_t start = reader.offset();
  if (reader.read_array_header() != field_count) {
    reader.fail(errc::malformed, start, "expected an array of 5 values");
  }
  envelope value;
  for (std::size_t field = 0; field < field_count; ++field) {
    read_field(reader, field, value);
  }
  if (!reader.ok()) {
    return reader.failure("envelope");
  }
  return value;
}

result<envelope> decode_named(msgpack_reader reader) {
  envelope value;
  unsigned seen = 0;
  const std::size_t count = reader.read_map_header();
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    const std::size_t start = reader.offset();
    const std::size_t field = field_of(reader.read_key(), i);
    if (field < field_count) {
      const unsigned bit = 1u << field;
      if ((seen & bit) != 0) {
        reader.fail(errc::malformed, start, repeated[field]);
      }
      seen |= bit;
    }
    read_field(reader, field, value);
  }
  if (!reader.ok()) {
    return reader.failure("envelope");
  }
  for (std::size_t field = 0; field < field_count; ++field) {
    if ((seen & (1u << field)) == 0) {
      return error{errc::malformed, "envelope: expected " +
                                        std::string{field_names[field]} +
                                        ", the key is missing"};
    }
  }
  return value;
}

} // namespace

status encode_envelope(const envelope& value, byte_buffer& out) {
  constexpr std::size_t size_max = std::numeric_limits<std::uint32_t>::max();
  if (value.topic.size() > size_max || value.payload.size() > size_max) {
    return error{errc::too_large,
                 "envelope: expected topic and payload below 4 GiB, got " +
                     std::to_string(value.topic.size()) + " and " +
                     std::to_string(value.payload.size()) + " bytes"};
  }
  const std::size_t bytes_max =
      overhead_max_bytes + value.topic.size() + value.payload.size();
  msgpack_writer writer{out, bytes_max};
  msgpack_cursor at = writer.reserve(bytes_max);
  at.map_header(field_count);
  at.key("publisher_id");
  at.uint(value.publisher_id);
  at.key("sequence");
  at.uint(value.sequence);
  at.key("published_at");
  at.uint(value.published_at_ms);
  at.key("topic");
  at.text(value.topic);
  at.key("payload");
  at.binary(value.payload);
  writer.commit(at);
  return ok();
}

result<envelope> decode_envelope(byte_view bytes) {
  // As every release of Dynamo and we write it; if not, what is wrong, if
  // anything is, is found by who looks closer.
  msgpack_reader quick{bytes};
  if (envelope value; read_in_order(quick, value)) {
    return value;
  }
  const msgpack_reader reader{bytes};
  return reader.peek() == msgpack_type::array ? decode_positional(reader)
                                              : decode_named(reader);
}

} // namespace dynamo
