#pragma once

#include "dynamo/base/error.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// The text as a JSON string, escaped as Dynamo's writer does. Bytes that are
/// no UTF-8 become U+FFFD.
std::string json_quote(std::string_view text);

/// Whether the text is one JSON value, nested no deeper than Dynamo's reader
/// accepts (128).
bool is_json(std::string_view text);

/// The members of one JSON object, each still as text, so that values that we
/// only pass on keep their bytes and numbers their 64 bits. Points into the
/// text that was read.
class json_object {
 public:
  /// errc::malformed when the text is no JSON object, nests too deeply or
  /// names a member twice. `name` is what messages call it.
  static result<json_object> read(std::string_view text, std::string name);

  /// Whether the member is there and not null.
  bool has(std::string_view member) const;

  /// The values below are errc::malformed, with the member's name, when the
  /// member is missing or of another type.
  result<std::string> string(std::string_view member) const;
  result<std::uint64_t> number(std::string_view member) const;
  result<std::vector<std::string>> strings(std::string_view member) const;
  result<json_object> object(std::string_view member) const;
  /// The member's value as it is written; it may be null.
  result<std::string> text(std::string_view member) const;

 private:
  error unlike(std::string_view member, std::string_view expected) const;

  std::string name_;
  std::map<std::string, std::string_view, std::less<>> members_;
};

} // namespace dynamo
