#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The paths of an HTTP face, as its routes name them. Pure.

namespace dynamo::apps {

/// Values by name, decoded.
using http_parameters = std::map<std::string, std::string, std::less<>>;

/// A longer parameter of a path, decoded, is none.
inline constexpr std::size_t path_parameter_bytes_max = 512;

/// Without "%41" and the like; nothing when an escape is no escape.
std::optional<std::string> decode_percent(std::string_view text);

/// A path whose pieces between slashes may stand for anything:
/// "/requests/{id}/output_block".
class path_pattern {
 public:
  explicit path_pattern(std::string_view path);

  /// What the pieces in braces stand for in the path of a request, which is
  /// still encoded: "%2F" is no slash between pieces. Nothing when it is
  /// another path.
  std::optional<http_parameters> match(std::string_view path) const;

 private:
  std::vector<std::string> pieces_;
};

} // namespace dynamo::apps
