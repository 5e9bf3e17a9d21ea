#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/discovery/discovery.hpp"

#include <memory>

namespace dynamo {

/// Opens the backend that the options name; etcd may take as long as its
/// start-up time limit. errc::unsupported for one that this version does not
/// have; the message says what it has. errc::closed when `gives_up`.
result<std::unique_ptr<discovery>>
make_discovery(const discovery_options& options, notice_sink notice,
               stop_check gives_up = {});

} // namespace dynamo
