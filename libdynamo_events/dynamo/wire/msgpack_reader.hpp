#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/wire/msgpack_head.hpp"

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace dynamo {

/// Reads msgpack values one after another from bytes that it borrows. It
/// allocates nothing; texts and bytes that it returns point into the input.
/// Counts and lengths are checked against the bytes that are left before they
/// are returned, so that a caller may reserve what a header announces.
///
/// The first failure sticks: from then on every read returns nothing, zero or
/// empty, and ok() is false. Decoders read a whole struct and ask ok() once,
/// but must ask it in loops that append.
///
/// A reader is a small value: a copy remembers a position, and assigning the
/// copy goes back to it, also from a failure.
class msgpack_reader {
 public:
  explicit msgpack_reader(byte_view bytes)
      : begin_(bytes.data())
      , at_(bytes.data())
      , end_(bytes.data() + bytes.size()) {}

  /// Deepest nesting that skip() and read_raw() follow.
  static constexpr std::size_t depth_max = 64;

  bool ok() const { return !failed_; }

  /// The first failure, "<what>: offset 12: expected ..., got ...". Its code is
  /// truncated, malformed, too_large or what fail() was given. Only valid
  /// when ok() is false.
  error failure(std::string_view what) const;

  /// Makes a decoder's own objection the failure, unless there is one already.
  /// `offset` is where, `reason` a literal: it must outlive the reader.
  void fail(errc code, std::size_t offset, std::string_view reason);

  /// Bytes read so far.
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  /// Bytes not read so far; none after a failure.
  byte_view rest() const { return {at_, left()}; }

  /// What comes next, without reading it.
  msgpack_type peek() const;
  /// The same as comparing with peek(), for what is asked often.
  bool is_next_array() const {
    return at_ != end_ &&
           ((*at_ & 0xf0) == 0x90 || *at_ == 0xdc || *at_ == 0xdd);
  }
  bool is_next_map() const {
    return at_ != end_ &&
           ((*at_ & 0xf0) == 0x80 || *at_ == 0xde || *at_ == 0xdf);
  }

  /// Reads a nil when one comes next, and says whether one did.
  bool take_nil() {
    if (at_ == end_ || *at_ != 0xc0) {
      return false;
    }
    ++at_;
    return true;
  }
  void read_nil();
  bool read_bool();

  /// An integer of any width and sign that is not negative.
  [[gnu::always_inline]] std::uint64_t read_u64() {
    // Hashes and ids nearly always take the full width.
    if (left() > 8 && *at_ == 0xcf) {
      at_ += 9;
      return load_u64_be(at_ - 8);
    }
    return read_narrow_u64();
  }
  /// As read_u64; too_large beyond 32 bits.
  std::uint32_t read_u32();
  /// Any integer; too_large beyond 2^63 - 1.
  std::int64_t read_i64();
  /// Any integer, negative ones as their two's complement (engine hashes).
  std::uint64_t read_bits64();
  /// A float of either width, or an integer.
  double read_f64();

  /// A text; malformed when it is not UTF-8.
  std::string_view read_str();
  /// A string that is only going to be compared: any bytes are taken.
  std::string_view read_key() {
    if (at_ != end_ && (*at_ & 0xe0) == 0xa0) {
      const std::size_t length = *at_ & 0x1f;
      if (length < left()) {
        const char* text = reinterpret_cast<const char*>(at_ + 1);
        at_ += 1 + length;
        return {text, length};
      }
    }
    return text_of(read_run(run_kind::string));
  }
  /// Passes over these bytes when they come next, and says whether they did.
  template <std::size_t Size>
  bool take(const std::array<std::uint8_t, Size>& bytes) {
    if (left() < Size || std::memcmp(at_, bytes.data(), Size) != 0) {
      return false;
    }
    at_ += Size;
    return true;
  }
  /// Passes over bytes of rest() that the caller has looked at.
  void pass(std::size_t bytes) {
    assert(bytes <= left());
    at_ += bytes;
  }
  byte_view read_bin() { return read_run(run_kind::binary); }
  /// A binary or a string, whose bytes are not looked at.
  byte_view read_bin_or_str() {
    if (left() > 3 && *at_ >= 0xc4 && *at_ <= 0xc5) {
      const bool is_short = *at_ == 0xc4;
      const std::size_t length = is_short ? at_[1] : load_u16_be(at_ + 1);
      const std::size_t head = is_short ? 2 : 3;
      if (length <= left() - head) {
        at_ += head + length;
        return {at_ - length, length};
      }
    }
    return read_run(run_kind::either);
  }

  /// The number of values that follow; never more than there are bytes left.
  std::size_t read_array_header() {
    if (at_ != end_ && (*at_ & 0xf0) == 0x90) {
      const std::size_t count = *at_ & 0x0f;
      if (count < left()) {
        ++at_;
        return count;
      }
    }
    return read_wide_count(msgpack_type::array);
  }
  /// The number of pairs that follow; twice as many values fit in what is
  /// left.
  std::size_t read_map_header() {
    if (at_ != end_ && (*at_ & 0xf0) == 0x80) {
      const std::size_t count = *at_ & 0x0f;
      if (2 * count < left()) {
        ++at_;
        return count;
      }
    }
    return read_wide_count(msgpack_type::map);
  }

  /// Passes over one value of any type, with all that it holds.
  void skip();
  /// Passes over one value of any type and returns its bytes.
  byte_view read_raw();

 private:
  enum class run_kind : std::uint8_t { string, binary, either };

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  /// Reads a head; false when the bytes do not hold it, with the failure set.
  bool read_head(msgpack_head& out, std::string_view expected);
  bool read_integer(msgpack_head& out, std::string_view expected);
  std::uint64_t read_narrow_u64();
  std::uint64_t read_any_u64();
  byte_view read_run(run_kind kind);
  std::size_t read_wide_count(msgpack_type type);

  bool fail_short(const std::uint8_t* start, std::string_view expected,
                  std::uint64_t wanted);
  bool mismatch(const std::uint8_t* start, std::string_view expected);

  /// Put into words only when somebody asks.
  enum class objection : std::uint8_t { wrong_type, too_short, of_decoder };
  void set_failure(objection why, errc code, std::size_t offset,
                   std::string_view text);

  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool failed_ = false;
  objection objection_ = objection::of_decoder;
  errc code_ = errc::malformed;
  std::size_t failed_at_ = 0;
  std::string_view expected_;
  std::uint64_t wanted_ = 0;
  std::uint64_t had_ = 0;
};

} // namespace dynamo
