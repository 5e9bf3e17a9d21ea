#pragma once

#include "dynamo/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dynamo {

/// The largest id that JSON readers which keep numbers as doubles hold exactly.
inline constexpr std::uint64_t json_safe_id_max = (std::uint64_t{1} << 53) - 1;

/// A random number of 64 bits from the operating system.
std::uint64_t random_u64();

/// A publisher id: random, of 53 bits, never 0. One per publisher incarnation.
std::uint64_t random_publisher_id();

/// Lower-case hex without padding or prefix, as discovery keys carry it.
std::string id_to_hex(std::uint64_t id);

/// Undoes `id_to_hex`; errc::malformed for anything else, such as an empty
/// text, upper-case digits, leading zeros or more than 16 digits.
result<std::uint64_t> id_from_hex(std::string_view text);

} // namespace dynamo
