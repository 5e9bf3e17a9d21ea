#pragma once

#include "dynamo/base/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo::apps {

// Reading what clients send. Each function names the member that is wrong and
// what was expected; nothing throws.

/// A JSON object of limited depth; errc::malformed for anything else.
result<nlohmann::json> parse_body(std::string_view text);

/// A text that is not empty.
result<std::string> text_of(const nlohmann::json& body, std::string_view name);

/// An integer from 0 to `max`.
result<std::uint64_t> integer_of(const nlohmann::json& body,
                                 std::string_view name, std::uint64_t max);

/// The same, or nothing when the member is absent or null.
result<std::optional<std::uint64_t>>
optional_integer_of(const nlohmann::json& body, std::string_view name,
                    std::uint64_t max);

/// `otherwise` when the member is absent.
result<bool> boolean_of(const nlohmann::json& body, std::string_view name,
                        bool otherwise);

/// At most `count_max` integers, each from 0 to `max`.
result<std::vector<std::uint64_t>> integers_of(const nlohmann::json& body,
                                               std::string_view name,
                                               std::uint64_t max,
                                               std::size_t count_max);

} // namespace dynamo::apps
