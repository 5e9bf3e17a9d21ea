#pragma once

#include "dynamo/base/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <unordered_map>
#include <vector>

namespace dynamo::apps {

/// Tokens that one number of a trace stands for.
inline constexpr std::uint32_t trace_block_tokens = 512;

/// One line of a trace.
struct trace_request {
  /// Since the start of the trace.
  std::chrono::milliseconds arrival{};
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  /// One number per trace block; the last block may be partial.
  std::vector<std::uint64_t> block_ids;
};

/// Which lines of a trace are wanted.
struct trace_range {
  std::size_t skip = 0;
  /// 0: all that follow.
  std::size_t count = 0;
};

/// Bounds of what is read of a trace; beyond them reading fails.
struct trace_limits {
  std::size_t line_bytes_max = 1024 * 1024;
  std::size_t requests_max = 1'000'000;
  /// Blocks of all requests.
  std::size_t blocks_max = 33'554'432;
  std::uint64_t request_tokens_max = 4'194'304;
};

/// Reads JSON lines {"timestamp", "input_length", "output_length",
/// "hash_ids"}. Empty lines do not count, skipped ones are not looked at. An
/// error names `name` and the line: errc::malformed, errc::invalid,
/// errc::too_large; errc::not_found when the range is empty.
result<std::vector<trace_request>> read_trace(std::istream& lines,
                                              const std::string& name,
                                              const trace_range& range,
                                              const trace_limits& limits = {});

/// The same from a file; errc::not_found when it cannot be opened.
result<std::vector<trace_request>> read_trace_file(const std::string& path,
                                                   const trace_range& range);

struct block_counts {
  std::uint64_t reused = 0;
  std::uint64_t asked = 0;
};

/// What a single cache without bounds would reuse: for each request the full
/// blocks of the longest prefix that it shares with an earlier one. Equal
/// numbers of the trace count as equal blocks.
class infinite_cache {
 public:
  explicit infinite_cache(std::uint32_t block_size)
      : block_size_(block_size) {}

  void ask(const trace_request& request);
  const block_counts& counts() const { return counts_; }

 private:
  struct node {
    std::uint64_t tokens = 0;
    std::unordered_map<std::uint64_t, std::size_t> children;
  };

  const std::uint32_t block_size_;
  block_counts counts_;
  std::vector<node> nodes_{node{}};
};

} // namespace dynamo::apps
