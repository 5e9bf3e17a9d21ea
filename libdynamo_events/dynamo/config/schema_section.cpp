#include "dynamo/config/schema_section.hpp"

namespace dynamo {

std::string list_of(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) {
      text += i + 1 == names.size() ? " or " : ", ";
    }
    text += '"' + std::string{names[i]} + '"';
  }
  return text;
}

std::string shown(integer_range range) {
  return "an integer from " + std::to_string(range.min) + " to " +
         std::to_string(range.max);
}

std::string shown(number_range range) {
  return "a number from " + to_json(range.min) + " to " + to_json(range.max);
}

} // namespace dynamo
