#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/scalar.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dynamo {

/// A file's text under the name that messages give it.
struct named_text {
  std::string name;
  std::string text;
};

/// One key of a JSON file with comments: its dotted path, the line it stands
/// in (from 1), and its value. Sections have an entry of their own, with
/// json_container::object, before their keys.
struct json_entry {
  std::string key;
  std::size_t line = 0;
  scalar value;
};

/// All keys of a JSON object with comments, in their order. errc::invalid with
/// "file:line: ..." for text that is no JSON object, for a key given twice and
/// for a key with a dot in it.
result<std::vector<json_entry>> read_json(const named_text& source);

} // namespace dynamo
