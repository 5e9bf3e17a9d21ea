// How far what the router holds of a rank can be trusted.

#include "dynamo/router/kv_router.hpp"

namespace dynamo {

bool kv_router::mark(const worker_rank& rank, sync_state state) {
  const auto at = ranks_.find(rank);
  if (at == ranks_.end())
    return false;
  at->second.stale = state == sync_state::stale;
  // Being cut off says nothing about what was complete before.
  if (state != sync_state::stale)
    at->second.partial = state == sync_state::partial;
  return true;
}

bool kv_router::mark_source(std::uint64_t publisher_id, sync_state state) {
  const std::vector<worker_rank> spoken_for = ranks_of(publisher_id);
  for (const worker_rank& rank : spoken_for)
    mark(rank, state);
  return !spoken_for.empty();
}

bool kv_router::cut_off(std::uint64_t publisher_id) {
  const std::vector<worker_rank> spoken_for = ranks_of(publisher_id);
  for (const worker_rank& rank : spoken_for)
    ranks_.at(rank).cut_off = true;
  return !spoken_for.empty();
}

bool kv_router::reconnect(std::uint64_t publisher_id) {
  const std::vector<worker_rank> spoken_for = ranks_of(publisher_id);
  for (const worker_rank& rank : spoken_for) {
    ranks_.at(rank).cut_off = false;
    ranks_.at(rank).stale = false;
  }
  return !spoken_for.empty();
}

} // namespace dynamo
