#include "dynamo/wire/msgpack_reader.hpp"

#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

namespace dynamo {

namespace {

constexpr std::uint64_t i64_max = std::numeric_limits<std::int64_t>::max();

/// Almost every text on this wire is ASCII; only the rest is worth a look at
/// every character.
bool is_valid_text(std::string_view text) {
  const auto is_ascii = [&](std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    return (word & 0x8080808080808080) == 0;
  };
  std::size_t i = 0;
  while (i + 8 <= text.size() && is_ascii(i)) {
    i += 8;
  }
  // What is left after the last whole word is in one that overlaps it.
  if (i > 0 && i + 8 > text.size() && is_ascii(text.size() - 8)) {
    return true;
  }
  return is_utf8(text.substr(i));
}

} // namespace

msgpack_type msgpack_reader::peek() const {
  return at_ == end_ ? msgpack_type::end : msgpack_type_of(*at_);
}

void msgpack_reader::read_nil() {
  if (!take_nil()) {
    mismatch(at_, "nil");
  }
}

bool msgpack_reader::read_bool() {
  if (at_ != end_ && (*at_ == 0xc2 || *at_ == 0xc3)) {
    return *at_++ == 0xc3;
  }
  return mismatch(at_, "a boolean");
}

std::uint64_t msgpack_reader::read_narrow_u64() {
  if (at_ != end_ && *at_ < 0x80) {
    return *at_++;
  }
  if (left() > 2 && *at_ == 0xcd) {
    at_ += 3;
    return load_u16_be(at_ - 2);
  }
  if (left() > 4 && *at_ == 0xce) {
    at_ += 5;
    return load_u32_be(at_ - 4);
  }
  return read_any_u64();
}

std::uint64_t msgpack_reader::read_any_u64() {
  const std::uint8_t* start = at_;
  msgpack_head integer;
  if (!read_integer(integer, "an unsigned integer")) {
    return 0;
  }
  if (integer.negative) {
    fail(errc::malformed, static_cast<std::size_t>(start - begin_),
         "expected an unsigned integer, got a negative one");
    return 0;
  }
  return integer.value;
}

std::uint32_t msgpack_reader::read_u32() {
  const std::uint8_t* start = at_;
  const std::uint64_t value = read_u64();
  if (value > std::numeric_limits<std::uint32_t>::max()) {
    fail(errc::too_large, static_cast<std::size_t>(start - begin_),
         "expected an unsigned integer of 32 bits, got a larger one");
    return 0;
  }
  return static_cast<std::uint32_t>(value);
}

std::int64_t msgpack_reader::read_i64() {
  const std::uint8_t* start = at_;
  msgpack_head integer;
  if (!read_integer(integer, "an integer")) {
    return 0;
  }
  if (!integer.negative && integer.value > i64_max) {
    fail(errc::too_large, static_cast<std::size_t>(start - begin_),
         "expected a signed integer of 64 bits, got a larger one");
    return 0;
  }
  return static_cast<std::int64_t>(integer.value);
}

std::uint64_t msgpack_reader::read_bits64() {
  msgpack_head integer;
  return read_integer(integer, "an integer") ? integer.value : 0;
}

double msgpack_reader::read_f64() {
  const std::uint8_t* start = at_;
  msgpack_head number;
  if (!read_head(number, "a number")) {
    return 0;
  }
  if (number.type == msgpack_type::integer) {
    return number.negative
               ? static_cast<double>(static_cast<std::int64_t>(number.value))
               : static_cast<double>(number.value);
  }
  if (number.type != msgpack_type::real) {
    mismatch(start, "a number");
    return 0;
  }
  if (number.width == 4) {
    return static_cast<double>(
        std::bit_cast<float>(static_cast<std::uint32_t>(number.value)));
  }
  return std::bit_cast<double>(number.value);
}

std::string_view msgpack_reader::read_str() {
  const std::uint8_t* start = at_;
  const std::string_view text = read_key();
  if (!is_valid_text(text)) {
    fail(errc::malformed, static_cast<std::size_t>(start - begin_),
         "expected a string of UTF-8, got other bytes");
    return {};
  }
  return text;
}

byte_view msgpack_reader::read_run(run_kind kind) {
  const std::string_view expected = kind == run_kind::string ? "a string"
                                    : kind == run_kind::binary
                                        ? "a binary"
                                        : "a binary or a string";
  const std::uint8_t* start = at_;
  msgpack_head run;
  if (!read_head(run, expected)) {
    return {};
  }
  const bool fits =
      (run.type == msgpack_type::string && kind != run_kind::binary) ||
      (run.type == msgpack_type::binary && kind != run_kind::string);
  if (!fits) {
    mismatch(start, expected);
    return {};
  }
  const byte_view content{at_, static_cast<std::size_t>(run.value)};
  at_ += content.size();
  return content;
}

std::size_t msgpack_reader::read_wide_count(msgpack_type type) {
  const std::string_view expected =
      type == msgpack_type::array ? "an array" : "a map";
  const std::uint8_t* start = at_;
  msgpack_head counted;
  if (!read_head(counted, expected)) {
    return 0;
  }
  if (counted.type != type) {
    mismatch(start, expected);
    return 0;
  }
  return static_cast<std::size_t>(counted.value);
}

void msgpack_reader::skip() {
  // How many values are still due on each level of nesting; a loop instead of
  // a recursion, so that a hostile peer cannot choose our stack.
  std::array<std::uint64_t, depth_max> due;
  std::size_t depth = 0;
  do {
    const std::uint8_t* start = at_;
    msgpack_head value;
    if (!read_head(value, "a value")) {
      return;
    }
    std::uint64_t children = 0;
    if (value.type == msgpack_type::array) {
      children = value.value;
    } else if (value.type == msgpack_type::map) {
      children = value.value * 2;
    } else if (value.type == msgpack_type::string ||
               value.type == msgpack_type::binary ||
               value.type == msgpack_type::extension) {
      at_ += value.value;
    }
    if (children != 0) {
      if (depth == depth_max) {
        fail(errc::too_large, static_cast<std::size_t>(start - begin_),
             "expected at most 64 levels of nesting, got more");
        return;
      }
      due[depth++] = children;
      continue;
    }
    while (depth != 0 && --due[depth - 1] == 0) {
      --depth;
    }
  } while (depth != 0);
}

byte_view msgpack_reader::read_raw() {
  const std::uint8_t* start = at_;
  skip();
  if (failed_) {
    return {};
  }
  return {start, static_cast<std::size_t>(at_ - start)};
}

bool msgpack_reader::read_integer(msgpack_head& out,
                                  std::string_view expected) {
  const std::uint8_t* start = at_;
  if (!read_head(out, expected)) {
    return false;
  }
  return out.type == msgpack_type::integer || mismatch(start, expected);
}

bool msgpack_reader::read_head(msgpack_head& out, std::string_view expected) {
  const std::uint8_t* start = at_;
  if (start == end_) {
    return mismatch(start, expected);
  }
  const std::size_t width = msgpack_number_width(*start);
  if (left() - 1 < width) {
    ++at_;
    return fail_short(start, expected, width);
  }
  out = msgpack_head_at(start);
  if (out.type == msgpack_type::reserved) {
    return mismatch(start, expected);
  }
  at_ += 1 + width;
  const std::uint64_t least = out.content_bytes_min();
  return least <= left() || fail_short(start, expected, least);
}

// -- failures -----------------------------------------------------------------

void msgpack_reader::set_failure(objection why, errc code, std::size_t offset,
                                 std::string_view text) {
  if (failed_) {
    return;
  }
  failed_ = true;
  objection_ = why;
  code_ = code;
  failed_at_ = offset;
  expected_ = text;
  had_ = left();
  // Whatever is read from now on meets the end of the bytes.
  at_ = end_;
}

void msgpack_reader::fail(errc code, std::size_t offset,
                          std::string_view reason) {
  set_failure(objection::of_decoder, code, offset, reason);
}

bool msgpack_reader::mismatch(const std::uint8_t* start,
                              std::string_view expected) {
  set_failure(objection::wrong_type,
              start == end_ ? errc::truncated : errc::malformed,
              static_cast<std::size_t>(start - begin_), expected);
  return false;
}

bool msgpack_reader::fail_short(const std::uint8_t* start,
                                std::string_view expected,
                                std::uint64_t wanted) {
  if (!failed_) {
    wanted_ = wanted;
  }
  set_failure(objection::too_short, errc::truncated,
              static_cast<std::size_t>(start - begin_), expected);
  return false;
}

error msgpack_reader::failure(std::string_view what) const {
  assert(failed_);
  std::string text{what};
  text += ": offset " + std::to_string(failed_at_) + ": ";
  switch (objection_) {
  case objection::of_decoder:
    text += expected_;
    break;
  case objection::too_short:
    text += "expected at least " + std::to_string(wanted_) + " more bytes for ";
    text += expected_;
    text += ", got " + std::to_string(had_);
    break;
  case objection::wrong_type:
    text += "expected ";
    text += expected_;
    text += ", got ";
    if (begin_ + failed_at_ == end_) {
      text += to_string(msgpack_type::end);
    } else {
      const std::uint8_t lead = begin_[failed_at_];
      text += to_string(msgpack_type_of(lead));
      text += " (0x" + to_hex({&lead, 1}) + ")";
    }
    break;
  }
  return {code_, std::move(text)};
}

} // namespace dynamo
