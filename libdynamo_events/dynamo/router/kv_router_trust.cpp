// How far what the router holds of a rank can be trusted.

#include "dynamo/router/kv_router.hpp"

#include <algorithm>
#include <cmath>

namespace dynamo {

std::string_view to_string(sync_state state) {
  switch (state) {
  case sync_state::waiting:
    return "waiting";
  case sync_state::in_sync:
    return "in_sync";
  case sync_state::partial:
    return "partial";
  case sync_state::stale:
    break;
  }
  return "stale";
}

bool kv_router::mark(const worker_rank& rank, sync_state state) {
  const auto at = ranks_.find(rank);
  if (at == ranks_.end())
    return false;
  at->second.stale = state == sync_state::stale;
  // Being cut off says nothing about what was complete before.
  if (state != sync_state::stale)
    at->second.partial = state == sync_state::partial;
  // After a repair nothing waits for what was lost.
  if (state == sync_state::in_sync)
    orphans_.clear(rank);
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

bool kv_router::reconnect(std::uint64_t publisher_id, clock::time_point now) {
  const std::vector<worker_rank> spoken_for = ranks_of(publisher_id);
  for (const worker_rank& rank : spoken_for) {
    ranks_.at(rank).cut_off = false;
    ranks_.at(rank).stale = false;
    ranks_.at(rank).proven = now;
  }
  return !spoken_for.empty();
}

sync_state kv_router::sync_of(const rank_state& state,
                              const worker_rank& rank) const {
  if (state.stale)
    return sync_state::stale;
  if (state.partial || orphans_.size(rank) > 0)
    return sync_state::partial;
  return state.cursor.last() ? sync_state::in_sync : sync_state::waiting;
}

/// 1 in sync, partial_credit when events are missing, and stale_credit when
/// they cannot be heard, halved every stale_half_life since the last proof.
double kv_router::trust_of(const rank_state& state, const worker_rank& rank,
                           clock::time_point now) const {
  const freshness_options& rule = options_.freshness;
  switch (sync_of(state, rank)) {
  case sync_state::waiting:
  case sync_state::in_sync:
    return 1;
  case sync_state::partial:
    return rule.partial_credit;
  case sync_state::stale:
    break;
  }
  if (rule.stale_credit >= 1 || rule.stale_half_life.count() == 0 ||
      !state.proven)
    return rule.stale_credit;
  const std::chrono::duration<double> age = now - *state.proven;
  const std::chrono::duration<double> half_life = rule.stale_half_life;
  return rule.stale_credit * std::exp2(-std::max(0.0, age / half_life));
}

} // namespace dynamo
