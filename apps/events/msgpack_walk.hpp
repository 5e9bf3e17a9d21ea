#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/wire/msgpack_head.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dynamo::apps {

/// What some bytes, [start, end), mean.
struct explained_range {
  std::size_t start = 0;
  std::size_t end = 0;
  /// How deep the value is nested.
  std::size_t depth = 0;
  std::string field;
  std::string value;
};

/// Ranges in their order; beyond a limit they are counted only.
class range_list {
 public:
  static constexpr std::size_t ranges_max = 65'536;

  void add(explained_range range);
  const std::vector<explained_range>& ranges() const { return ranges_; }
  std::size_t left_out() const { return left_out_; }

 private:
  std::vector<explained_range> ranges_;
  std::size_t left_out_ = 0;
};

/// A member of the outermost map or array, after its range was added.
struct walked_member {
  std::string_view field;
  msgpack_type type = msgpack_type::nil;
  /// Of a string or binary: where its content is, as far as there is any.
  std::size_t start = 0;
  std::size_t end = 0;
};

/// How a walk ended.
struct walk_end {
  std::size_t offset = 0;
  /// Why it stopped early: "offset 12: expected 40 more bytes for ..., 3 left".
  std::optional<std::string> problem;
};

struct walk_request {
  /// The value and whatever may stand around it.
  byte_view bytes;
  std::size_t start = 0;
  std::size_t depth = 0;
  std::string field;
  /// Names of the outermost value's elements when it is an array.
  std::vector<std::string> names{};
  /// May add ranges of its own; may be empty.
  std::function<void(const walked_member&)> on_member{};
};

/// Explains one msgpack value of any kind as far as its bytes go. Bounded: it
/// follows 64 levels of nesting and allocates for ranges only.
walk_end walk_msgpack(const walk_request& request, range_list& out);

} // namespace dynamo::apps
