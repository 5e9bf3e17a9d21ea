#include "dynamo/wire/msgpack_writer.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>

namespace dynamo {

namespace {

constexpr std::uint64_t u32_max = std::numeric_limits<std::uint32_t>::max();

} // namespace

std::uint8_t* msgpack_cursor::put_middle_uint(std::uint8_t* at,
                                              std::uint32_t value) {
  if (value <= 0xff) {
    at[0] = 0xcc;
    at[1] = static_cast<std::uint8_t>(value);
    return at + 2;
  }
  if (value <= 0xffff) {
    at[0] = 0xcd;
    store_u16_be(at + 1, static_cast<std::uint16_t>(value));
    return at + 3;
  }
  at[0] = 0xce;
  store_u32_be(at + 1, value);
  return at + 5;
}

std::uint8_t* msgpack_cursor::put_length(std::uint8_t* at, std::size_t length,
                                         std::uint8_t lead) {
  if (length <= 0xff) {
    at[0] = lead;
    at[1] = static_cast<std::uint8_t>(length);
    return at + 2;
  }
  return put_wide_count(at, length, static_cast<std::uint8_t>(lead + 1));
}

std::uint8_t* msgpack_cursor::put_wide_count(std::uint8_t* at,
                                             std::size_t count,
                                             std::uint8_t lead) {
  if (count <= 0xffff) {
    at[0] = lead;
    store_u16_be(at + 1, static_cast<std::uint16_t>(count));
    return at + 3;
  }
  at[0] = static_cast<std::uint8_t>(lead + 1);
  store_u32_be(at + 1, static_cast<std::uint32_t>(count));
  return at + 5;
}

void msgpack_writer::grow(std::size_t count) {
  const std::size_t used = size();
  out_.resize(std::max(out_.size() * 2, used + count));
  at_ = out_.data() + used;
  end_ = out_.data() + out_.size();
}

void msgpack_writer::write_int(std::int64_t value) {
  if (value >= 0) {
    write_uint(static_cast<std::uint64_t>(value));
    return;
  }
  ensure(9);
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= -32) {
    *at_++ = static_cast<std::uint8_t>(bits);
  } else if (value >= std::numeric_limits<std::int8_t>::min()) {
    at_[0] = 0xd0;
    at_[1] = static_cast<std::uint8_t>(bits);
    at_ += 2;
  } else if (value >= std::numeric_limits<std::int16_t>::min()) {
    at_[0] = 0xd1;
    store_u16_be(at_ + 1, static_cast<std::uint16_t>(bits));
    at_ += 3;
  } else if (value >= std::numeric_limits<std::int32_t>::min()) {
    at_[0] = 0xd2;
    store_u32_be(at_ + 1, static_cast<std::uint32_t>(bits));
    at_ += 5;
  } else {
    at_[0] = 0xd3;
    store_u64_be(at_ + 1, bits);
    at_ += 9;
  }
}

void msgpack_writer::write_f32(float value) {
  ensure(5);
  at_[0] = 0xca;
  store_u32_be(at_ + 1, std::bit_cast<std::uint32_t>(value));
  at_ += 5;
}

void msgpack_writer::write_f64(double value) {
  ensure(9);
  at_[0] = 0xcb;
  store_u64_be(at_ + 1, std::bit_cast<std::uint64_t>(value));
  at_ += 9;
}

void msgpack_writer::write_str(std::string_view text) {
  assert(text.size() <= u32_max);
  write(text.size() + msgpack_cursor::head_bytes_max,
        [&](msgpack_cursor& at) { at.text(text); });
}

void msgpack_writer::write_bin(byte_view bytes) {
  assert(bytes.size() <= u32_max);
  write(bytes.size() + msgpack_cursor::head_bytes_max,
        [&](msgpack_cursor& at) { at.binary(bytes); });
}

} // namespace dynamo
