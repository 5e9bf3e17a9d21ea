#include "dynamo/wire/envelope_codec.hpp"
#include "dynamo/wire/msgpack.hpp"

#include <algorithm>

#include "fuzz/target.hpp"

using namespace dynamo;

namespace {

bool lies_in(byte_view part, byte_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() &&
          part.data() + part.size() <= whole.data() + whole.size());
}

void check_round_trip(const envelope& value) {
  byte_buffer bytes;
  require(static_cast<bool>(encode_envelope(value, bytes)), "it encodes");
  const result<envelope> back = decode_envelope(bytes);
  require(static_cast<bool>(back), "what was encoded decodes");
  require(back->publisher_id == value.publisher_id &&
              back->sequence == value.sequence &&
              back->published_at_ms == value.published_at_ms &&
              back->topic == value.topic &&
              std::ranges::equal(back->payload, value.payload),
          "what was encoded decodes to the same");
}

/// Every value is passed over or refused, and passing over ends.
void walk(byte_view bytes) {
  msgpack_reader reader{bytes};
  while (reader.ok() && reader.peek() != msgpack_type::end) {
    const std::size_t before = reader.offset();
    const byte_view raw = reader.read_raw();
    require(!reader.ok() || (reader.offset() > before && lies_in(raw, bytes)),
            "a value that was read has bytes");
  }
  require(reader.ok() || !reader.failure("value").message.empty(),
          "a failure has a message");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  const byte_view input{bytes, size};
  const result<envelope> value = decode_envelope(input);
  if (value) {
    require(lies_in(bytes_of(value->topic), input), "the topic is borrowed");
    require(lies_in(value->payload, input), "the payload is borrowed");
    check_round_trip(*value);
  } else {
    require(!value.error().message.empty(), "an error has a message");
  }
  walk(input);
  return 0;
}
