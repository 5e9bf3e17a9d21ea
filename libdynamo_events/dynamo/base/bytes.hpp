#pragma once

#include "dynamo/base/error.hpp"

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dynamo {

/// Does not clear what a vector grows by: who grows a buffer fills it.
template <class T>
struct uncleared_allocator : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = uncleared_allocator<U>;
  };

  uncleared_allocator() = default;
  template <class U>
  uncleared_allocator(const uncleared_allocator<U>&) {}

  template <class U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class... Values>
  void construct(U* at, Values&&... values) {
    ::new (static_cast<void*>(at)) U(std::forward<Values>(values)...);
  }
};

/// Bytes that are owned. New ones have no value: neither those of `resize`
/// nor those of a buffer that is made with a size alone.
using byte_buffer =
    std::vector<std::uint8_t, uncleared_allocator<std::uint8_t>>;

/// Bytes that are borrowed: valid as long as what they point into is.
using byte_view = std::span<const std::uint8_t>;

/// The bytes of a text. The view points into `text`.
inline byte_view bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The text that the bytes are. The view points into `bytes`.
inline std::string_view text_of(byte_view bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Big-endian stores and loads; `at` must have room for the width.
template <class T>
void store_be(std::uint8_t* at, T value) {
  // Compilers make one instruction of it.
  for (std::size_t i = sizeof(T); i-- > 0;) {
    at[i] = static_cast<std::uint8_t>(value & 0xff);
    value = static_cast<T>(value >> 8);
  }
}
template <class T>
T load_be(const std::uint8_t* at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>((value << 8) | at[i]);
  }
  return value;
}

inline void store_u16_be(std::uint8_t* at, std::uint16_t value) {
  store_be(at, value);
}
inline void store_u32_be(std::uint8_t* at, std::uint32_t value) {
  store_be(at, value);
}
inline void store_u64_be(std::uint8_t* at, std::uint64_t value) {
  store_be(at, value);
}
inline std::uint16_t load_u16_be(const std::uint8_t* at) {
  return load_be<std::uint16_t>(at);
}
inline std::uint32_t load_u32_be(const std::uint8_t* at) {
  return load_be<std::uint32_t>(at);
}
inline std::uint64_t load_u64_be(const std::uint8_t* at) {
  return load_be<std::uint64_t>(at);
}

/// Lower-case hex, two digits a byte.
std::string to_hex(byte_view bytes);

/// Reads hex of either case; white space between digits is skipped.
/// errc::malformed names the offset of the first character that is no digit.
result<byte_buffer> from_hex(std::string_view text);

/// Whether the bytes are well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

} // namespace dynamo
