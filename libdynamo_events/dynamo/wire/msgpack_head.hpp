#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// The beginning of a msgpack value: a lead byte, and up to 8 bytes of a number
// behind it (the table stands in wire/msgpack.hpp).

namespace dynamo {

/// What the next value is.
enum class msgpack_type : std::uint8_t {
  nil,
  boolean,
  integer,
  real,
  string,
  binary,
  array,
  map,
  extension,
  /// The byte 0xc1, which is no value.
  reserved,
  /// There are no more bytes.
  end,
};

/// "nil", "boolean", "integer", ...
std::string_view to_string(msgpack_type type);

/// What a value says before its content.
struct msgpack_head {
  msgpack_type type = msgpack_type::end;
  /// Of integers: whether `value` is a negative number's two's complement.
  bool negative = false;
  /// Bytes of the number behind the lead byte.
  std::uint8_t width = 0;
  /// An integer; the bits of a float; a length (the type byte of an extension
  /// counts as content), a count of elements or of pairs.
  std::uint64_t value = 0;

  /// How many bytes must follow at least, for elements take at least one each.
  std::uint64_t content_bytes_min() const;
};

/// The type that a lead byte says.
msgpack_type msgpack_type_of(std::uint8_t lead);

/// How many bytes of a number stand behind a lead byte.
std::size_t msgpack_number_width(std::uint8_t lead);

/// The head at `bytes`, which must hold the lead byte and its number.
msgpack_head msgpack_head_at(const std::uint8_t* bytes);

} // namespace dynamo
