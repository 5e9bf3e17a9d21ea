#pragma once

#include "dynamo/events/kv_cache.hpp"
#include "dynamo/router/prefix_index.hpp"

namespace dynamo {

/// Whether a block names itself as an ancestor, in the event itself.
bool is_own_parent(const kv_stored& stored);

/// The report with the outcome that its numbers mean, if it says `applied`.
apply_report finish(apply_report report);

} // namespace dynamo
