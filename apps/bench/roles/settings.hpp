#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/load.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/discovery/discovery.hpp"

#include <memory>

namespace dynamo::apps {

/// The configuration of a role: defaults, and the variables that the process
/// was started with.
result<loaded_options> bench_configuration(transport_kind transport);
result<options> bench_settings(transport_kind transport);

/// The store of discovery that these name.
result<std::unique_ptr<discovery>>
open_bench_discovery(transport_kind transport);

} // namespace dynamo::apps
