#include "dynamo/wire/msgpack_head.hpp"

#include "dynamo/base/bytes.hpp"

#include <array>
#include <limits>

namespace dynamo {

namespace {

/// What a lead byte of 0xc0 to 0xdf says: a type, how wide the number behind it
/// is, and what is to be added to that number.
struct wide_form {
  msgpack_type type;
  std::uint8_t width = 0;
  std::uint8_t extra = 0;
};

/// An extension's type byte counts as its content.
constexpr std::array<wide_form, 32> wide_forms{{
    {msgpack_type::nil},
    {msgpack_type::reserved},
    {msgpack_type::boolean},
    {msgpack_type::boolean},
    {msgpack_type::binary, 1},
    {msgpack_type::binary, 2},
    {msgpack_type::binary, 4},
    {msgpack_type::extension, 1, 1},
    {msgpack_type::extension, 2, 1},
    {msgpack_type::extension, 4, 1},
    {msgpack_type::real, 4},
    {msgpack_type::real, 8},
    {msgpack_type::integer, 1},
    {msgpack_type::integer, 2},
    {msgpack_type::integer, 4},
    {msgpack_type::integer, 8},
    {msgpack_type::integer, 1},
    {msgpack_type::integer, 2},
    {msgpack_type::integer, 4},
    {msgpack_type::integer, 8},
    {msgpack_type::extension, 0, 2},
    {msgpack_type::extension, 0, 3},
    {msgpack_type::extension, 0, 5},
    {msgpack_type::extension, 0, 9},
    {msgpack_type::extension, 0, 17},
    {msgpack_type::string, 1},
    {msgpack_type::string, 2},
    {msgpack_type::string, 4},
    {msgpack_type::array, 2},
    {msgpack_type::array, 4},
    {msgpack_type::map, 2},
    {msgpack_type::map, 4},
}};

std::uint64_t load_be(const std::uint8_t* at, std::size_t width) {
  switch (width) {
  case 1:
    return *at;
  case 2:
    return load_u16_be(at);
  case 4:
    return load_u32_be(at);
  default:
    return load_u64_be(at);
  }
}

std::uint64_t sign_extended(std::uint64_t value, std::size_t width) {
  switch (width) {
  case 1:
    return static_cast<std::uint64_t>(static_cast<std::int8_t>(value));
  case 2:
    return static_cast<std::uint64_t>(static_cast<std::int16_t>(value));
  case 4:
    return static_cast<std::uint64_t>(static_cast<std::int32_t>(value));
  default:
    return value;
  }
}

} // namespace

std::string_view to_string(msgpack_type type) {
  static constexpr std::array<std::string_view, 11> names{
      "nil",   "boolean", "integer",   "float",           "string", "binary",
      "array", "map",     "extension", "a reserved byte", "the end"};
  return names[static_cast<std::size_t>(type)];
}

msgpack_type msgpack_type_of(std::uint8_t lead) {
  if (lead < 0x80 || lead >= 0xe0) {
    return msgpack_type::integer;
  }
  if (lead >= 0xc0) {
    return wide_forms[lead - 0xc0].type;
  }
  if (lead >= 0xa0) {
    return msgpack_type::string;
  }
  return lead >= 0x90 ? msgpack_type::array : msgpack_type::map;
}

std::size_t msgpack_number_width(std::uint8_t lead) {
  return lead >= 0xc0 && lead < 0xe0 ? wide_forms[lead - 0xc0].width : 0;
}

msgpack_head msgpack_head_at(const std::uint8_t* bytes) {
  const std::uint8_t lead = bytes[0];
  msgpack_head head;
  head.type = msgpack_type_of(lead);
  if (lead < 0x80) {
    head.value = lead;
  } else if (lead < 0xa0) {
    head.value = lead & 0x0f;
  } else if (lead < 0xc0) {
    head.value = lead & 0x1f;
  } else if (lead >= 0xe0) {
    head.value = sign_extended(lead, 1);
    head.negative = true;
  } else {
    const wide_form& form = wide_forms[lead - 0xc0];
    head.width = form.width;
    if (form.width != 0) {
      head.value = load_be(bytes + 1, form.width);
    }
    head.value += form.extra;
    if (lead >= 0xd0 && lead <= 0xd3) {
      head.value = sign_extended(head.value, form.width);
      head.negative = static_cast<std::int64_t>(head.value) < 0;
    }
  }
  return head;
}

std::uint64_t msgpack_head::content_bytes_min() const {
  switch (type) {
  case msgpack_type::string:
  case msgpack_type::binary:
  case msgpack_type::extension:
  case msgpack_type::array:
    return value;
  case msgpack_type::map:
    return value * 2;
  default:
    return 0;
  }
}

} // namespace dynamo
