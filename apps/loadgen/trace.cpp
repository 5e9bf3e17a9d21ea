#include "apps/loadgen/trace.hpp"

#include "apps/app/json_body.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string_view>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr std::uint64_t timestamp_ms_max = 1ULL << 42;
constexpr std::uint64_t block_id_max =
    std::numeric_limits<std::uint32_t>::max();

std::uint64_t trace_blocks(std::uint64_t tokens) {
  return (tokens + trace_block_tokens - 1) / trace_block_tokens;
}

result<trace_request> request_of(std::string_view line,
                                 const trace_limits& limits) {
  const auto row = parse_body(line);
  if (!row) {
    return row.error();
  }
  const auto arrival = integer_of(*row, "timestamp", timestamp_ms_max);
  if (!arrival) {
    return arrival.error();
  }
  const auto input =
      integer_of(*row, "input_length", limits.request_tokens_max);
  if (!input) {
    return input.error();
  }
  const auto output =
      integer_of(*row, "output_length", limits.request_tokens_max);
  if (!output) {
    return output.error();
  }
  auto ids = integers_of(*row, "hash_ids", block_id_max,
                         trace_blocks(limits.request_tokens_max));
  if (!ids) {
    return std::move(ids).error();
  }
  if (*input == 0) {
    return error{errc::invalid, "input_length: expected at least 1, got 0"};
  }
  if (ids->size() != trace_blocks(*input)) {
    return error{errc::invalid,
                 "hash_ids: expected " + std::to_string(trace_blocks(*input)) +
                     " items for " + std::to_string(*input) + " tokens, got " +
                     std::to_string(ids->size())};
  }
  return trace_request{std::chrono::milliseconds{*arrival}, *input, *output,
                       *std::move(ids)};
}

/// The lines of a text, none longer than a limit.
class line_reader {
 public:
  line_reader(std::istream& from, std::size_t line_bytes_max)
      : from_(from)
      , line_(line_bytes_max + 1) {}

  /// False at the end, and when the line is too long.
  bool next() {
    from_.getline(line_.data(), static_cast<std::streamsize>(line_.size()));
    if (from_.fail()) {
      // Only a line that fills the buffer fails before the end is reached.
      too_long_ = !from_.eof() && !from_.bad() && from_.gcount() > 0;
      return false;
    }
    ++number_;
    return true;
  }

  std::string_view line() const { return line_.data(); }
  bool too_long() const { return too_long_; }
  bool broken() const { return from_.bad(); }
  std::size_t number() const { return number_; }

 private:
  std::istream& from_;
  std::vector<char> line_;
  std::size_t number_ = 0;
  bool too_long_ = false;
};

bool is_empty(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

error at(const std::string& name, std::size_t line, const error& reason) {
  return {reason.code,
          name + ":" + std::to_string(line) + ": " + reason.message};
}

/// What a request must keep to beside the ones before it.
status check_order(const std::vector<trace_request>& all, std::size_t blocks,
                   const trace_request& next, const trace_limits& limits) {
  if (!all.empty() && next.arrival < all.back().arrival) {
    return error{errc::invalid, "timestamp: expected at least " +
                                    std::to_string(all.back().arrival.count()) +
                                    ", that of the line before, got " +
                                    std::to_string(next.arrival.count())};
  }
  if (all.size() >= limits.requests_max || blocks > limits.blocks_max) {
    return error{errc::too_large,
                 "expected at most " + std::to_string(limits.requests_max) +
                     " requests with " + std::to_string(limits.blocks_max) +
                     " blocks; ask for fewer"};
  }
  return ok();
}

} // namespace

result<std::vector<trace_request>> read_trace(std::istream& from,
                                              const std::string& name,
                                              const trace_range& range,
                                              const trace_limits& limits) {
  line_reader lines{from, limits.line_bytes_max};
  std::vector<trace_request> all;
  std::size_t to_skip = range.skip;
  std::size_t blocks = 0;
  while ((range.count == 0 || all.size() < range.count) && lines.next()) {
    if (is_empty(lines.line())) {
      continue;
    }
    if (to_skip > 0) {
      --to_skip;
      continue;
    }
    auto request = request_of(lines.line(), limits);
    if (!request) {
      return at(name, lines.number(), request.error());
    }
    blocks += request->block_ids.size();
    const status kept = check_order(all, blocks, *request, limits);
    if (!kept) {
      return at(name, lines.number(), kept.error());
    }
    all.push_back(*std::move(request));
  }
  if (lines.too_long()) {
    return at(name, lines.number() + 1,
              {errc::too_large, "expected a line of at most " +
                                    std::to_string(limits.line_bytes_max) +
                                    " bytes"});
  }
  if (lines.broken()) {
    return error{errc::io, name + ": cannot be read"};
  }
  if (all.empty()) {
    return error{errc::not_found,
                 name + ": expected requests after the first " +
                     std::to_string(range.skip) + ", got the end"};
  }
  return all;
}

result<std::vector<trace_request>> read_trace_file(const std::string& path,
                                                   const trace_range& range) {
  std::ifstream file{path, std::ios::binary};
  if (!file) {
    return error{errc::not_found, path + ": cannot be opened"};
  }
  return read_trace(file, path, range);
}

void infinite_cache::ask(const trace_request& request) {
  std::size_t at = 0;
  std::uint64_t left = request.input_tokens;
  std::uint64_t shared = 0;
  bool known = true;
  for (const std::uint64_t id : request.block_ids) {
    const std::uint64_t tokens =
        std::min<std::uint64_t>(left, trace_block_tokens);
    const auto [child, is_new] =
        nodes_[at].children.try_emplace(id, nodes_.size());
    at = child->second;
    if (is_new) {
      nodes_.emplace_back();
    }
    std::uint64_t& seen = nodes_[at].tokens;
    if (known) {
      shared += std::min(tokens, seen);
      known = seen == trace_block_tokens;
    }
    seen = std::max(seen, tokens);
    left -= tokens;
  }
  counts_.reused += shared / block_size_;
  counts_.asked += request.input_tokens / block_size_;
}

} // namespace dynamo::apps
