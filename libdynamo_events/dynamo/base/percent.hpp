#pragma once

#include "dynamo/base/error.hpp"

#include <string>
#include <string_view>

namespace dynamo {

/// Which bytes stay as they are; every other becomes % and two upper-case hex
/// digits.
enum class percent_keep {
  /// Letters, digits, - and _ : segments of subjects and of discovery keys.
  segment,
  /// Letters and digits only: file names of the file discovery.
  alphanumeric,
};

/// Encodes each byte of UTF-8 text. The empty text stays empty.
std::string percent_encode(std::string_view text, percent_keep keep);

/// Undoes either encoding; hex digits of any case. errc::malformed when a %
/// is not followed by two digits, or when the outcome is not UTF-8.
result<std::string> percent_decode(std::string_view text);

} // namespace dynamo
