#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>

// For the pictures of this folder.

namespace dynamo::apps {

template <class T>
nlohmann::json or_null(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

/// In whole milliseconds.
template <class Duration>
nlohmann::json ms_or_null(const std::optional<Duration>& age) {
  return age ? nlohmann::json(
                   std::chrono::duration_cast<std::chrono::milliseconds>(*age)
                       .count())
             : nlohmann::json();
}

} // namespace dynamo::apps
