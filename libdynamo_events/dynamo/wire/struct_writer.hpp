#pragma once

#include "dynamo/wire/msgpack.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// How Dynamo writes the fields of its structs beyond plain numbers and texts:
// an absent value is a nil, and its key is still there.

namespace dynamo {

template <class Number>
void write_optional_uint(msgpack_writer& out,
                         const std::optional<Number>& value) {
  if (value) {
    out.write_uint(*value);
  } else {
    out.write_nil();
  }
}

inline void write_optional_text(msgpack_writer& out,
                                const std::optional<std::string>& text) {
  if (text) {
    out.write_str(*text);
  } else {
    out.write_nil();
  }
}

inline void write_uint_list(msgpack_writer& out,
                            const std::vector<std::uint64_t>& values) {
  msgpack_cursor at =
      out.reserve(msgpack_cursor::head_bytes_max +
                  values.size() * msgpack_cursor::uint_bytes_max);
  at.array_header(values.size());
  for (const std::uint64_t value : values) {
    at.uint(value);
  }
  out.commit(at);
}

} // namespace dynamo
