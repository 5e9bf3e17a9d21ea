#pragma once

#include "dynamo/base/bytes.hpp"

#include <cstdint>
#include <string_view>

namespace dynamo::apps {

/// The envelopes of one raw publisher, in one buffer: a program that knows its
/// sizes beforehand writes a number and a payload into place, and no code that
/// encodes can be faster than that.
class raw_envelope {
 public:
  /// All payloads have `payload_bytes`. `lead` bytes of room stand in front.
  raw_envelope(std::uint64_t publisher_id, std::string_view topic,
               std::size_t payload_bytes, std::size_t lead);

  std::uint64_t publisher_id() const { return publisher_id_; }
  std::uint64_t sequence() const { return next_ - 1; }

  /// The next envelope, with its lead; valid until the next call.
  byte_view next(byte_view payload);

  /// Where the lead can be written.
  std::uint8_t* lead() { return bytes_.data(); }

 private:
  const std::uint64_t publisher_id_;
  const std::size_t lead_;
  std::uint64_t next_ = 0;
  byte_buffer bytes_;
};

/// What a raw subscriber reads of an envelope that it trusts.
struct raw_envelope_view {
  std::uint64_t publisher_id = 0;
  std::uint64_t sequence = 0;
  byte_view payload;
};

/// Reads what raw_envelope writes, unchecked but for its size; any other
/// envelope goes through decode_envelope. False when it is none.
bool open_raw_envelope(byte_view bytes, std::size_t payload_bytes,
                       raw_envelope_view& out);

} // namespace dynamo::apps
