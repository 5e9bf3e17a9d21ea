#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace dynamo {

/// What stands where a single value may stand, but is none.
enum class json_container { object, array };

/// One value as a file, a variable or a flag states it, before anything is
/// known about its key. `monostate` is JSON's null; signed integers are the
/// negative ones.
using scalar = std::variant<std::monostate, bool, std::uint64_t, std::int64_t,
                            double, std::string, json_container>;

/// The JSON type that a setting asks for.
enum class scalar_type { boolean, integer, number, text };

/// The value as JSON writes it: `"zmq"`, `1.5`, `true`; containers become
/// "an object" and "an array".
std::string to_json(const scalar& value);

/// As `to_json`, cut to a length that fits a message.
std::string to_message(const scalar& value);

/// Reads text without quotes, as variables and flags give it. Truth may be
/// spelled 1, true, on or yes, and 0, false, off or no, in any case. What does
/// not read as `type` comes back as the text, for the setting to refuse.
scalar scalar_from(scalar_type type, std::string_view text);

/// A number that is not negative, times `scale`, as a whole number: 0.5 times
/// 1000 is 500. A product beyond 64 bits is the largest there is; what is above
/// 0 is at least 1. Anything else, and everything with `scale` 1, stays.
scalar scaled(const scalar& value, std::uint64_t scale);

/// Without regard to ASCII case.
bool same_name(std::string_view left, std::string_view right);

/// The text without blanks at either end.
std::string_view trimmed(std::string_view text);

} // namespace dynamo
