#pragma once

#include "dynamo/wire/msgpack.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// How Dynamo's structs and enums are read from msgpack, in one place:
//
//   read_struct(in,
//               required_key<"worker_id">([&] { ... }),
//               optional_key<"storage_tier">([&] { ... }));
//
// A struct comes as a map with its keys in any order, or as an array of its
// fields in the order of the list. Unknown keys are passed over; a key that
// comes twice and a required key that is missing are failures. The function of
// a field reads exactly one value. Failures are those of msgpack_reader.
//
// Keys are told apart by their length and a comparison of known size; no text
// is copied and nothing is allocated.

namespace dynamo {

/// A text as a template argument: the name of a field.
template <std::size_t Size>
struct field_name {
  char text[Size]{};

  // Not explicit: a literal has to become one.
  constexpr field_name(const char (&literal)[Size]) {
    std::copy_n(literal, Size, text);
  }

  static constexpr std::size_t length = Size - 1;

  /// As a key of a map.
  constexpr std::array<std::uint8_t, Size + (Size > 32 ? 1 : 0)>
  encoded() const {
    std::array<std::uint8_t, Size + (Size > 32 ? 1 : 0)> bytes{};
    std::size_t at = 0;
    if (length >= 32) {
      bytes[at++] = 0xd9;
    }
    bytes[at++] =
        static_cast<std::uint8_t>(length < 32 ? 0xa0 | length : length);
    for (std::size_t i = 0; i < length; ++i) {
      bytes[at + i] = static_cast<std::uint8_t>(text[i]);
    }
    return bytes;
  }

  bool is(std::string_view key) const {
    return key.size() == length && std::memcmp(key.data(), text, length) == 0;
  }
};

/// A key of a map, with its head.
template <field_name Name>
inline constexpr auto encoded_key = Name.encoded();

/// One field: its name, and what reads its value into place.
template <field_name Name, bool Required, class Read>
struct struct_field {
  Read read;

  static constexpr bool is_required = Required;
  static constexpr auto key = encoded_key<Name>;
  static bool is(std::string_view found) { return Name.is(found); }

  /// Why a struct without the field is no good.
  static constexpr std::string_view missing() {
    return {missing_text.data(), missing_text.size()};
  }

 private:
  static constexpr std::string_view missing_lead = "missing key ";
  static constexpr auto missing_text = [] {
    std::array<char, missing_lead.size() + Name.length> text{};
    const auto end =
        std::copy(missing_lead.begin(), missing_lead.end(), text.begin());
    std::copy_n(Name.text, Name.length, end);
    return text;
  }();
};

template <field_name Name, class Read>
constexpr struct_field<Name, true, Read> required_key(Read read) {
  return {read};
}

template <field_name Name, class Read>
constexpr struct_field<Name, false, Read> optional_key(Read read) {
  return {read};
}

/// Reads a struct as a map and says which fields came, by bits.
template <class... Fields>
std::uint32_t read_struct_map(msgpack_reader& in, const Fields&... fields) {
  std::uint32_t seen = 0;
  const std::size_t count = in.read_map_header();
  std::size_t done = 0;
  // Nearly always the keys come in the order of the list.
  std::uint32_t due = 1;
  const auto take_due = [&](const auto& field) {
    if (done < count && in.take(field.key)) {
      seen |= due;
      ++done;
      field.read();
    }
    due <<= 1;
  };
  (take_due(fields), ...);
  for (; done < count && in.ok(); ++done) {
    const std::size_t start = in.offset();
    const std::string_view key = in.read_key();
    std::uint32_t bit = 1;
    const auto take = [&](const auto& field) {
      if (!field.is(key)) {
        bit <<= 1;
        return false;
      }
      if ((seen & bit) != 0) {
        in.fail(errc::malformed, start, "a key comes twice");
      } else {
        seen |= bit;
        field.read();
      }
      return true;
    };
    if (!(take(fields) || ...)) {
      in.skip();
    }
  }
  return seen;
}

/// Reads a struct as `count` values of an array whose header was read, and says
/// which fields came. Fields at the end may be left out; more values than there
/// are fields are passed over, as unknown keys are.
template <class... Fields>
std::uint32_t read_struct_array(msgpack_reader& in, std::size_t count,
                                const Fields&... fields) {
  std::uint32_t seen = 0;
  std::size_t at = 0;
  const auto take = [&](const auto& field) {
    if (at == count) {
      return false;
    }
    field.read();
    seen |= std::uint32_t{1} << at;
    ++at;
    return true;
  };
  static_cast<void>((take(fields) && ...));
  for (; at < count && in.ok(); ++at) {
    in.skip();
  }
  return seen;
}

/// Fails when a required field did not come. `start` is the struct's offset.
template <class... Fields>
void check_required(msgpack_reader& in, std::size_t start, std::uint32_t seen,
                    const Fields&... fields) {
  static_assert(sizeof...(Fields) <= 32);
  std::uint32_t bit = 1;
  const auto check = [&](const auto& field) {
    if (field.is_required && (seen & bit) == 0) {
      in.fail(errc::malformed, start, field.missing());
    }
    bit <<= 1;
  };
  (check(fields), ...);
}

/// Reads one struct. Fields that do not come keep the value they have.
template <class... Fields>
void read_struct(msgpack_reader& in, const Fields&... fields) {
  const std::size_t start = in.offset();
  const std::uint32_t seen =
      in.is_next_array()
          ? read_struct_array(in, in.read_array_header(), fields...)
          : read_struct_map(in, fields...);
  check_required(in, start, seen, fields...);
}

/// A variant of an enum that is its name alone, or one that holds a value.
template <field_name Name, bool HoldsValue, class Read>
struct enum_variant {
  Read read;

  static constexpr bool holds_value = HoldsValue;
  static bool is(std::string_view found) { return Name.is(found); }
};

template <field_name Name, class Read>
constexpr enum_variant<Name, false, Read> unit_variant(Read read) {
  return {read};
}

template <field_name Name, class Read>
constexpr enum_variant<Name, true, Read> data_variant(Read read) {
  return {read};
}

/// Reads an externally tagged enum: the name of a unit variant as a text, or a
/// map of one entry, name and value (nil for a unit variant). The function of
/// a variant reads the value, if it holds one. errc::unsupported for a name
/// that is not in the list.
template <class... Variants>
void read_enum(msgpack_reader& in, const Variants&... variants) {
  const std::size_t start = in.offset();
  const bool tagged = in.is_next_map();
  if (tagged && in.read_map_header() != 1) {
    in.fail(errc::malformed, start, "an enum must be a map of one entry");
    return;
  }
  const std::string_view name = in.read_key();
  const auto take = [&](const auto& variant) {
    if (!variant.is(name)) {
      return false;
    }
    if (variant.holds_value && !tagged) {
      in.fail(errc::malformed, start, "an enum variant comes without value");
      return true;
    }
    if (!variant.holds_value && tagged) {
      in.read_nil();
    }
    variant.read();
    return true;
  };
  if (in.ok() && !(take(variants) || ...)) {
    in.fail(errc::unsupported, start, "unknown enum variant");
  }
}

/// Reads nil as nothing, anything else with `read`.
template <class Value, class Read>
void read_optional(msgpack_reader& in, std::optional<Value>& out, Read read) {
  if (in.take_nil()) {
    out.reset();
  } else {
    out = read();
  }
}

inline void read_optional_u64(msgpack_reader& in,
                              std::optional<std::uint64_t>& out) {
  read_optional(in, out, [&] { return in.read_u64(); });
}

inline void read_optional_u32(msgpack_reader& in,
                              std::optional<std::uint32_t>& out) {
  read_optional(in, out, [&] { return in.read_u32(); });
}

inline void read_optional_text(msgpack_reader& in,
                               std::optional<std::string>& out) {
  read_optional(in, out, [&] { return std::string{in.read_str()}; });
}

/// Room is made at once for at most so many elements of a list, so that a lie
/// costs little; a longer list grows as it is read.
inline constexpr std::size_t reserved_elements_max = 8192;

/// Reads an array; `read` reads one element into the place it is given. The
/// elements are appended to `out`.
template <class Element, class Read>
void read_list(msgpack_reader& in, std::vector<Element>& out, Read read) {
  const std::size_t count = in.read_array_header();
  if (out.empty()) {
    out.reserve(std::min(count, reserved_elements_max));
  }
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    read(out.emplace_back());
  }
}

inline void read_u64_list(msgpack_reader& in, std::vector<std::uint64_t>& out) {
  read_list(in, out, [&](std::uint64_t& value) { value = in.read_u64(); });
}

} // namespace dynamo
