#pragma once

#include "actors/stream.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace dynamo::apps {

/// "stream_gap", "publisher_joined", ...
std::string_view name_of(const actors::stream_notice& notice);

/// For people: "publisher 1a2b: 3 events missing, 1 of them dropped here".
std::string text_of(const actors::stream_notice& notice);

/// What the notice says, without its name.
nlohmann::json json_of(const actors::stream_notice& notice);

/// Nothing for notices that are about no publisher.
std::optional<std::uint64_t> publisher_of(const actors::stream_notice& notice);

} // namespace dynamo::apps
