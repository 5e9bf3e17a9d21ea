#pragma once

#include <cstdint>
#include <functional>

namespace dynamo::apps {

/// Ends reading on every connected TCP socket of this process whose own port
/// is `port`, unless `spare` says no for the peer's port: whoever waits for
/// bytes on one finds its end. Nobody else in the process may use that port.
void shut_down_reading(std::uint16_t port,
                       const std::function<bool(std::uint16_t peer)>& spare);

} // namespace dynamo::apps
