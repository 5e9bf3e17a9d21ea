#pragma once

#include "dynamo/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace dynamo {

/// Writes msgpack values, each in its smallest encoding, to memory that is
/// known to have room. As a local variable it stays in a register, for which
/// nothing may take its address: what is short is always inline, the rest is
/// given the place and returns the end. A msgpack_writer lends the room, and
/// looks for it once for many values.
///
///   msgpack_cursor at = out.reserve(...);
///   at.key("block_hash");
///   ...
///   out.commit(at);
class msgpack_cursor {
 public:
  /// An integer takes at most so much.
  static constexpr std::size_t uint_bytes_max = 9;
  /// A text, bytes, an array or a map take so much beside their content.
  static constexpr std::size_t head_bytes_max = 5;

  explicit msgpack_cursor(std::uint8_t* at)
      : at_(at) {}

  std::uint8_t* at() const { return at_; }

  [[gnu::always_inline]] void nil() { byte(0xc0); }
  [[gnu::always_inline]] void boolean(bool value) { byte(value ? 0xc3 : 0xc2); }

  /// Hashes and ids nearly always take the full width.
  [[gnu::always_inline]] void uint(std::uint64_t value) {
    if (value > 0xffffffff) {
      byte(0xcf);
      store_u64_be(at_, value);
      at_ += 8;
    } else if (value < 0x80) {
      byte(static_cast<std::uint8_t>(value));
    } else {
      at_ = put_middle_uint(at_, static_cast<std::uint32_t>(value));
    }
  }
  /// An absent value is a nil.
  template <class Number>
  [[gnu::always_inline]] void
  optional_uint(const std::optional<Number>& value) {
    if (value) {
      uint(*value);
    } else {
      nil();
    }
  }

  /// A key, or another text, that is a literal: its length is known.
  template <std::size_t Size>
  [[gnu::always_inline]] void key(const char (&text)[Size]) {
    constexpr std::size_t length = Size - 1;
    static_assert(length <= 0xff);
    if constexpr (length < 32) {
      byte(static_cast<std::uint8_t>(0xa0 | length));
    } else {
      byte(0xd9);
      byte(static_cast<std::uint8_t>(length));
    }
    raw(text, length);
  }

  // Each at most 2^32 - 1 bytes, values or pairs.

  [[gnu::always_inline]] void text(std::string_view text) {
    if (text.size() < 32) {
      byte(static_cast<std::uint8_t>(0xa0 | text.size()));
    } else {
      at_ = put_length(at_, text.size(), 0xd9);
    }
    raw(text.data(), text.size());
  }
  [[gnu::always_inline]] void binary(byte_view bytes) {
    at_ = put_length(at_, bytes.size(), 0xc4);
    raw(bytes.data(), bytes.size());
  }
  /// `count` values follow.
  [[gnu::always_inline]] void array_header(std::size_t count) {
    if (count < 16) {
      byte(static_cast<std::uint8_t>(0x90 | count));
    } else {
      at_ = put_wide_count(at_, count, 0xdc);
    }
  }
  /// `count` pairs of key and value follow.
  [[gnu::always_inline]] void map_header(std::size_t count) {
    if (count < 16) {
      byte(static_cast<std::uint8_t>(0x80 | count));
    } else {
      at_ = put_wide_count(at_, count, 0xde);
    }
  }

  [[gnu::always_inline]] void raw(const void* bytes, std::size_t count) {
    if (count != 0) {
      std::memcpy(at_, bytes, count);
      at_ += count;
    }
  }

 private:
  [[gnu::always_inline]] void byte(std::uint8_t value) { *at_++ = value; }

  static std::uint8_t* put_middle_uint(std::uint8_t* at, std::uint32_t value);
  /// `lead` is that of a length of one byte, before those of two and of four.
  static std::uint8_t* put_length(std::uint8_t* at, std::size_t length,
                                  std::uint8_t lead);
  /// `lead` is that of a count of two bytes, before that of four.
  static std::uint8_t* put_wide_count(std::uint8_t* at, std::size_t count,
                                      std::uint8_t lead);

  std::uint8_t* at_;
};

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

  void write_nil() {
    write(1, [](msgpack_cursor& at) { at.nil(); });
  }
  void write_bool(bool value) {
    write(1, [&](msgpack_cursor& at) { at.boolean(value); });
  }
  void write_uint(std::uint64_t value) {
    write(msgpack_cursor::uint_bytes_max,
          [&](msgpack_cursor& at) { at.uint(value); });
  }

  /// Non-negative values become unsigned, as Dynamo writes them.
  void write_int(std::int64_t value);
  void write_f32(float value);
  void write_f64(double value);

  /// A key, or another text, that is a literal: its length is known.
  template <std::size_t Size>
  void write_key(const char (&text)[Size]) {
    write(Size + 1, [&](msgpack_cursor& at) { at.key(text); });
  }

  /// Keys and texts. At most 2^32 - 1 bytes.
  void write_str(std::string_view text);

  /// At most 2^32 - 1 bytes.
  void write_bin(byte_view bytes);

  /// Announces `count` values, or `count` pairs of key and value, that the
  /// caller writes next. At most 2^32 - 1.
  void write_array_header(std::size_t count) {
    write(msgpack_cursor::head_bytes_max,
          [&](msgpack_cursor& at) { at.array_header(count); });
  }
  void write_map_header(std::size_t count) {
    write(msgpack_cursor::head_bytes_max,
          [&](msgpack_cursor& at) { at.map_header(count); });
  }

  /// Splices in a value that is msgpack already.
  void write_raw(byte_view encoded) {
    write(encoded.size(),
          [&](msgpack_cursor& at) { at.raw(encoded.data(), encoded.size()); });
  }

  /// Room for so many bytes, until the next call of another function.
  msgpack_cursor reserve(std::size_t bytes) {
    ensure(bytes);
    return msgpack_cursor{at_};
  }
  /// What was put there counts.
  void commit(const msgpack_cursor& end) { at_ = end.at(); }

  /// How many bytes the buffer holds, those before the writer included.
  std::size_t size() const {
    return static_cast<std::size_t>(at_ - out_.data());
  }

 private:
  template <class Put>
  [[gnu::always_inline]] void write(std::size_t bytes_max, Put&& put) {
    msgpack_cursor at = reserve(bytes_max);
    put(at);
    commit(at);
  }
  void ensure(std::size_t count) {
    if (static_cast<std::size_t>(end_ - at_) < count) {
      grow(count);
    }
  }
  void grow(std::size_t count);

  byte_buffer& out_;
  std::uint8_t* at_ = nullptr;
  std::uint8_t* end_ = nullptr;
};

} // namespace dynamo
