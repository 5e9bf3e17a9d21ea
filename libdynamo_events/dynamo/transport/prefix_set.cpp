#include "dynamo/transport/prefix_set.hpp"

#include <algorithm>
#include <iterator>

namespace dynamo {

namespace {

std::string_view common_beginning(std::string_view left,
                                  std::string_view right) {
  const auto ends =
      std::mismatch(left.begin(), left.end(), right.begin(), right.end());
  return left.substr(
      0, static_cast<std::size_t>(std::distance(left.begin(), ends.first)));
}

} // namespace

bool prefix_set::add(std::string_view prefix) {
  return prefixes_.emplace(prefix).second;
}

bool prefix_set::remove(std::string_view prefix) {
  const auto found = prefixes_.find(prefix);
  if (found == prefixes_.end()) {
    return false;
  }
  prefixes_.erase(found);
  return true;
}

bool prefix_set::covers(std::string_view topic) const {
  // Whatever stands in order between a prefix and a text that has it, has it
  // too. So a prefix of `topic` is one of what `topic` shares with the entry
  // before it, unless it is that entry.
  for (std::string_view rest = topic;;) {
    auto next = prefixes_.upper_bound(rest);
    if (next == prefixes_.begin()) {
      return false;
    }
    --next;
    if (rest.starts_with(*next)) {
      return true;
    }
    rest = common_beginning(rest, *next);
  }
}

} // namespace dynamo
