#include "apps/bench/roles/raw_envelope.hpp"

#include "dynamo/wire/envelope_codec.hpp"

#include <cassert>
#include <cstring>

namespace dynamo::apps {

namespace {

// 85, ac "publisher_id", cf and 8 bytes, a8 "sequence", cf and 8 bytes: a
// number of 64 bits keeps its place whatever its value.
constexpr std::size_t publisher_at = 1 + 13 + 1;
constexpr std::size_t sequence_at = publisher_at + 8 + 9 + 1;
constexpr std::uint8_t u64_mark = 0xcf;
constexpr std::uint64_t wide = std::uint64_t{1} << 63;

} // namespace

raw_envelope::raw_envelope(std::uint64_t publisher_id, std::string_view topic,
                           std::size_t payload_bytes, std::size_t lead)
    : publisher_id_(publisher_id | wide)
    , lead_(lead)
    , bytes_(lead) {
  const byte_buffer payload(payload_bytes, 0);
  const status encoded = encode_envelope(
      {publisher_id_, wide, 1'760'000'000'000, topic, payload}, bytes_);
  assert(encoded && bytes_[lead_ + sequence_at - 1] == u64_mark);
  static_cast<void>(encoded);
}

byte_view raw_envelope::next(byte_view payload) {
  store_u64_be(bytes_.data() + lead_ + sequence_at, next_++);
  std::memcpy(bytes_.data() + bytes_.size() - payload.size(), payload.data(),
              payload.size());
  return bytes_;
}

bool open_raw_envelope(byte_view bytes, std::size_t payload_bytes,
                       raw_envelope_view& out) {
  const std::size_t head = sequence_at + 8;
  if (bytes.size() >= head + payload_bytes &&
      bytes[publisher_at - 1] == u64_mark &&
      bytes[sequence_at - 1] == u64_mark) {
    out.publisher_id = load_u64_be(bytes.data() + publisher_at);
    out.sequence = load_u64_be(bytes.data() + sequence_at);
    out.payload = bytes.last(payload_bytes);
    return true;
  }
  const auto read = decode_envelope(bytes);
  if (!read) {
    return false;
  }
  out = {read->publisher_id, read->sequence, read->payload};
  return true;
}

} // namespace dynamo::apps
