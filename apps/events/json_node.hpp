#pragma once

#include "dynamo/base/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo::apps {

/// One value of any JSON type, of limited depth; errc::invalid otherwise.
result<nlohmann::json> parse_json(std::string_view text);

/// A value in a JSON document together with its path, "[0].event.dp_rank", for
/// reading what a person wrote. The first failure sticks in the document's
/// `failure` as errc::invalid and names the path; from then on every read
/// returns nothing, zero or empty. The document and `failure` outlive the node.
class json_node {
 public:
  json_node(const nlohmann::json& document, std::optional<error>& failure)
      : value_(&document)
      , failure_(&failure) {}

  bool ok() const { return !*failure_; }
  /// Nothing, or null.
  bool is_absent() const;
  /// There, and null.
  bool is_null() const;
  bool is_array() const;
  bool is_object() const;
  bool is_text() const;

  /// A failure when it is no object, or has a member that is not in the list.
  void only(std::initializer_list<std::string_view> names) const;
  /// A member; a node of nothing when there is none.
  json_node member(std::string_view name) const;
  /// The elements; a failure when it is no array.
  std::vector<json_node> elements() const;

  std::uint64_t u64() const;
  std::uint32_t u32() const;
  double number() const;
  bool boolean() const;
  std::string text() const;
  std::vector<std::uint64_t> u64_list() const;

  std::optional<std::uint64_t> optional_u64() const;
  std::optional<std::uint32_t> optional_u32() const;
  std::optional<std::string> optional_text() const;

  /// The value itself, for what is passed on; null when there is none.
  const nlohmann::json* raw() const { return value_; }

  /// Makes "<path>: expected <what>, got ..." the failure.
  void fail(std::string_view what) const;

 private:
  json_node(const nlohmann::json* value, std::string path,
            std::optional<error>* failure)
      : value_(value)
      , path_(std::move(path))
      , failure_(failure) {}

  std::uint64_t integer(std::uint64_t max) const;

  const nlohmann::json* value_;
  std::string path_;
  std::optional<error>* failure_;
};

} // namespace dynamo::apps
