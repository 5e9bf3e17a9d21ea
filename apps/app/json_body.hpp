#pragma once

#include "dynamo/base/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dynamo::apps {

inline constexpr std::size_t text_bytes_unlimited =
    std::numeric_limits<std::size_t>::max();

/// Both ends belong to it.
struct number_range {
  double first = 0;
  double last = 0;
};

// Reading what clients send. Each function names the member that is wrong and
// what was expected; nothing throws.

/// A JSON object of limited depth that names no member of its own twice;
/// errc::malformed for anything else.
result<nlohmann::json> parse_body(std::string_view text);

/// An error that names the first member that is none of `names`.
status only_members(const nlohmann::json& body,
                    std::span<const std::string_view> names);

/// A text that is not empty and not longer than that; errc::too_large when it
/// is.
result<std::string> text_of(const nlohmann::json& body, std::string_view name,
                            std::size_t bytes_max = text_bytes_unlimited);

/// The same, or nothing when the member is absent or null.
result<std::optional<std::string>> optional_text_of(const nlohmann::json& body,
                                                    std::string_view name,
                                                    std::size_t bytes_max);

/// An integer from 0 to `max`.
result<std::uint64_t> integer_of(const nlohmann::json& body,
                                 std::string_view name, std::uint64_t max);

/// The same, or nothing when the member is absent or null.
result<std::optional<std::uint64_t>>
optional_integer_of(const nlohmann::json& body, std::string_view name,
                    std::uint64_t max);

/// A number within a range, or nothing when the member is absent or null.
result<std::optional<double>> optional_number_of(const nlohmann::json& body,
                                                 std::string_view name,
                                                 number_range range);

/// `otherwise` when the member is absent.
result<bool> boolean_of(const nlohmann::json& body, std::string_view name,
                        bool otherwise);

/// True or false, or nothing when the member is absent or null.
result<std::optional<bool>> optional_boolean_of(const nlohmann::json& body,
                                                std::string_view name);

/// At most `count_max` integers, each from 0 to `max`.
result<std::vector<std::uint64_t>> integers_of(const nlohmann::json& body,
                                               std::string_view name,
                                               std::uint64_t max,
                                               std::size_t count_max);

/// How many items an array may have, and how long each may be.
struct texts_limits {
  std::size_t count_max = 0;
  std::size_t bytes_max = 0;
};

/// Texts that are not empty; none when the member is absent or null.
result<std::vector<std::string>> optional_texts_of(const nlohmann::json& body,
                                                   std::string_view name,
                                                   const texts_limits& limits);

/// An object of numbers, whose names are limited as texts are; none when the
/// member is absent or null.
result<std::vector<std::pair<std::string, double>>>
optional_weights_of(const nlohmann::json& body, std::string_view name,
                    const texts_limits& limits, number_range range);

} // namespace dynamo::apps
