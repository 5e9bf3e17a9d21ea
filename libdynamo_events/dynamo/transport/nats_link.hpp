#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// A link by cnats. errc::invalid, naming the key, for options that contradict
/// each other or name a file that cannot be read.
result<std::unique_ptr<shared_link>>
make_nats_link(const nats_options& options);

/// The servers of a list as URLs, in their order, without credentials:
/// "localhost:4222,tls://b" gives nats://localhost:4222 and tls://b:4222.
/// errc::invalid with the part that is wrong.
result<std::vector<std::string>> parse_nats_servers(std::string_view list);

} // namespace dynamo
