#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/base/error.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace dynamo::apps {

/// More than any message of the wire.
inline constexpr std::size_t input_bytes_max = 64 * 1024 * 1024;

/// Reads a descriptor that may have nothing to say for long, and stops waiting
/// when `stopping` says so: then the input ends. The descriptor stays open.
class input {
 public:
  input(int fd, std::function<bool()> stopping);

  /// The next line without its end; nothing at the end of the input.
  /// errc::too_large for a line beyond input_bytes_max, errc::io.
  result<std::optional<std::string>> line();

  /// All of it; errors as above.
  result<byte_buffer> all();

 private:
  /// Appends what comes next to the buffer; false at the end.
  result<bool> more();

  const int fd_;
  const std::function<bool()> stopping_;
  std::string buffer_;
  std::size_t at_ = 0;
};

/// The content of a file; errors as above, and errc::not_found.
result<byte_buffer> read_file(const std::string& path,
                              std::function<bool()> stopping);

} // namespace dynamo::apps
