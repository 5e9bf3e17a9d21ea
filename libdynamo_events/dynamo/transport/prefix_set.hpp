#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace dynamo {

/// The prefixes that somebody is subscribed to.
class prefix_set {
 public:
  /// Whether it is new.
  bool add(std::string_view prefix);
  /// Whether it was there.
  bool remove(std::string_view prefix);

  /// Whether `topic` begins with one of them. Takes the logarithm of their
  /// number, for each of those that share a beginning with the topic and
  /// stand between it and its own.
  bool covers(std::string_view topic) const;

  std::size_t size() const { return prefixes_.size(); }
  auto begin() const { return prefixes_.begin(); }
  auto end() const { return prefixes_.end(); }

 private:
  std::set<std::string, std::less<>> prefixes_;
};

} // namespace dynamo
