#pragma once

#include "dynamo/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace dynamo {

/// Appends msgpack values to a buffer, each in its smallest encoding. The
/// buffer belongs to the writer until the writer is destroyed: only then is
/// its size right. Texts and bytes that are written must not lie in it.
class msgpack_writer {
 public:
  /// `size_hint`: how many bytes will be about written; a good guess spares
  /// moves.
  explicit msgpack_writer(byte_buffer& out, std::size_t size_hint = 256)
      : out_(out) {
    const std::size_t used = out_.size();
    out_.resize(used + size_hint);
    at_ = out_.data() + used;
    end_ = out_.data() + out_.size();
  }
  ~msgpack_writer() { out_.resize(size()); }
  msgpack_writer(const msgpack_writer&) = delete;
  msgpack_writer& operator=(const msgpack_writer&) = delete;

  void write_nil() { write_byte(0xc0); }
  void write_bool(bool value) { write_byte(value ? 0xc3 : 0xc2); }

  void write_uint(std::uint64_t value) {
    ensure(uint_bytes_max);
    at_ = put_uint(at_, value);
  }

  /// Non-negative values become unsigned, as Dynamo writes them.
  void write_int(std::int64_t value);
  void write_f32(float value);
  void write_f64(double value);

  /// A key, or another text, that is a literal: its length is known.
  template <std::size_t Size>
  void write_key(const char (&text)[Size]) {
    ensure(Size + 1);
    at_ = put_key(at_, text);
  }

  /// Keys and texts. At most 2^32 - 1 bytes.
  void write_str(std::string_view text) {
    if (text.size() < 32) {
      ensure(text.size() + 1);
      *at_++ = static_cast<std::uint8_t>(0xa0 | text.size());
      append(text.data(), text.size());
    } else {
      write_long_str(text);
    }
  }

  /// At most 2^32 - 1 bytes.
  void write_bin(byte_view bytes);

  /// Announces `count` values, or `count` pairs of key and value, that the
  /// caller writes next. At most 2^32 - 1.
  void write_array_header(std::size_t count) {
    if (count < 16) {
      write_byte(static_cast<std::uint8_t>(0x90 | count));
    } else {
      write_wide_count(count, 0xdc);
    }
  }
  void write_map_header(std::size_t count) {
    if (count < 16) {
      write_byte(static_cast<std::uint8_t>(0x80 | count));
    } else {
      write_wide_count(count, 0xde);
    }
  }

  /// Splices in a value that is msgpack already.
  void write_raw(byte_view encoded) {
    ensure(encoded.size());
    append(encoded.data(), encoded.size());
  }

  // -- Many small values in a row, without looking for room each time
  //
  //   std::uint8_t* at = out.reserve(...);
  //   at = msgpack_writer::put_key(at, "block_hash");
  //   ...
  //   out.commit(at);

  /// Room for so many bytes, until the next call of another function.
  std::uint8_t* reserve(std::size_t bytes) {
    ensure(bytes);
    return at_;
  }
  /// The end of what was put there.
  void commit(std::uint8_t* end) { at_ = end; }

  static constexpr std::size_t uint_bytes_max = 9;

  static std::uint8_t* put_byte(std::uint8_t* at, std::uint8_t byte) {
    *at = byte;
    return at + 1;
  }
  static std::uint8_t* put_nil(std::uint8_t* at) { return put_byte(at, 0xc0); }
  /// Below 16.
  static std::uint8_t* put_map_header(std::uint8_t* at, std::size_t count) {
    return put_byte(at, static_cast<std::uint8_t>(0x80 | count));
  }
  template <std::size_t Size>
  static std::uint8_t* put_key(std::uint8_t* at, const char (&text)[Size]) {
    constexpr std::size_t length = Size - 1;
    static_assert(length <= 0xff);
    if constexpr (length < 32) {
      at = put_byte(at, static_cast<std::uint8_t>(0xa0 | length));
    } else {
      at = put_byte(put_byte(at, 0xd9), static_cast<std::uint8_t>(length));
    }
    std::memcpy(at, text, length);
    return at + length;
  }
  /// Hashes and ids nearly always take the full width.
  static std::uint8_t* put_uint(std::uint8_t* at, std::uint64_t value) {
    if (value > 0xffffffff) {
      at[0] = 0xcf;
      store_u64_be(at + 1, value);
      return at + 9;
    }
    if (value < 0x80) {
      return put_byte(at, static_cast<std::uint8_t>(value));
    }
    return put_middle_uint(at, static_cast<std::uint32_t>(value));
  }

  /// How many bytes the buffer holds, those before the writer included.
  std::size_t size() const {
    return static_cast<std::size_t>(at_ - out_.data());
  }

 private:
  void ensure(std::size_t count) {
    if (static_cast<std::size_t>(end_ - at_) < count) {
      grow(count);
    }
  }
  void append(const void* bytes, std::size_t count) {
    if (count != 0) {
      std::memcpy(at_, bytes, count);
      at_ += count;
    }
  }
  void write_byte(std::uint8_t byte) {
    ensure(1);
    *at_++ = byte;
  }

  void grow(std::size_t count);
  static std::uint8_t* put_middle_uint(std::uint8_t* at, std::uint32_t value);
  void write_long_str(std::string_view text);
  void write_wide_count(std::size_t count, std::uint8_t lead);

  byte_buffer& out_;
  std::uint8_t* at_ = nullptr;
  std::uint8_t* end_ = nullptr;
};

} // namespace dynamo
