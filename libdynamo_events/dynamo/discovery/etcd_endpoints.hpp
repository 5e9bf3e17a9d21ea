#pragma once

#include "dynamo/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// The servers of a list as URLs without a path: "http://host:port" or
/// "https://host:port". Blanks around each are dropped; one without a scheme is
/// http, and then also has port 2379 when it names none. errc::invalid for a
/// list without servers and for what is no server; it says which one, but not
/// when a password may be in it.
result<std::vector<std::string>> etcd_endpoints_from(std::string_view list);

} // namespace dynamo
