#pragma once

#include "dynamo/events/event.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo::apps {

/// A peer's text on one line of a terminal: control characters and bytes that
/// are no UTF-8 as \xNN, at most `size_max` bytes of it.
std::string printable(std::string_view text, std::size_t size_max = 64);

/// "22:13:20.123", UTC.
std::string time_of_day(std::uint64_t unix_ms);

/// "2023-11-14 22:13:20.123 UTC".
std::string date_and_time(std::uint64_t unix_ms);

/// "3 blocks", "1 block".
std::string counted(std::uint64_t count, std::string_view noun);

/// One line for each thing that the event says, such as
/// "stored 3 blocks below 1f2e3d4c5b6a7988 (worker 7/0, device)".
std::vector<std::string> lines_of(const event& value);

} // namespace dynamo::apps
