// What workers say of their caches. Step 7 of the receive path.

#include "dynamo/router/kv_router.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

worker_rank rank_of(const router_event& event) {
  return {event.worker_id, event.event.dp_rank};
}

/// Residencies that we follow. Nobody's device is a cache owner's; a clear has
/// no tier.
bool is_followed(const router_event& event) {
  switch (event.domain.value_or(residency_domain::worker)) {
  case residency_domain::worker:
    return true;
  case residency_domain::cache_owner:
    return event.tier != storage_tier::device ||
           std::holds_alternative<kv_cleared>(event.event.data);
  case residency_domain::unsupported:
  case residency_domain::invalid:
    break;
  }
  return false;
}

event_outcome outcome_of(apply_outcome outcome) {
  switch (outcome) {
  case apply_outcome::applied:
    return event_outcome::applied;
  case apply_outcome::duplicate:
    return event_outcome::duplicate;
  case apply_outcome::parent_unknown:
    return event_outcome::parent_unknown;
  case apply_outcome::block_unknown:
    return event_outcome::block_unknown;
  case apply_outcome::invalid:
    return event_outcome::invalid;
  case apply_outcome::full:
    break;
  }
  return event_outcome::full;
}

} // namespace

batch_outcome kv_router::apply_events(std::uint64_t publisher_id,
                                      const kv_events& batch,
                                      clock::time_point now) {
  const std::optional<worker_rank> bound = sources_.rank_of(publisher_id);
  const auto keep = [&] {
    for (const router_event& event : batch)
      early_.keep(publisher_id, event);
    return batch_outcome::kept;
  };
  if (!bound && options_.sources == source_policy::bound)
    return keep();
  if (!bound) {
    for (const router_event& event : batch)
      apply_unbound(publisher_id, event, now);
    return batch_outcome::applied;
  }
  if (std::any_of(batch.begin(), batch.end(), [&](const router_event& event) {
        return rank_of(event) != *bound;
      })) {
    counts_.disagreeing += batch.size();
    return batch_outcome::disagrees;
  }
  if (const auto known = ranks_.find(*bound);
      known != ranks_.end() && known->second.contested)
    return keep();
  if (sources_.speaker_of(*bound) != publisher_id) {
    counts_.superseded += batch.size();
    return batch_outcome::superseded;
  }
  for (const router_event& event : batch)
    apply(event, now);
  return batch_outcome::applied;
}

void kv_router::apply_unbound(std::uint64_t publisher_id,
                              const router_event& event,
                              clock::time_point now) {
  const worker_rank rank = rank_of(event);
  rank_state* const state = state_of(rank);
  if (state == nullptr)
    ++counts_.full;
  else if (!speaks_for(publisher_id, *state, rank))
    ++counts_.superseded;
  else
    apply_to(*state, event, now);
}

/// What a publisher said before its record bound it.
void kv_router::apply_early(std::uint64_t publisher_id, rank_state& state,
                            const worker_rank& rank, clock::time_point now) {
  for (const router_event& event : early_.take(publisher_id)) {
    if (rank_of(event) == rank)
      apply_to(state, event, now);
    else
      ++counts_.disagreeing;
  }
}

event_outcome kv_router::apply(const router_event& event,
                               clock::time_point now) {
  rank_state* const state = state_of(rank_of(event));
  if (state != nullptr)
    return apply_to(*state, event, now);
  ++counts_.full;
  return event_outcome::full;
}

event_outcome kv_router::apply_to(rank_state& state, const router_event& event,
                                  clock::time_point now) {
  if (!note_id(state, event)) {
    ++counts_.stale;
    return event_outcome::stale;
  }
  state.proven = now;
  if (!is_followed(event)) {
    ++counts_.ignored;
    return event_outcome::ignored;
  }
  return index_ ? apply_data(state, event) : event_outcome::applied;
}

/// False when the event is stale.
bool kv_router::note_id(rank_state& state, const router_event& event) {
  const event_observation seen = state.cursor.observe(event.event.event_id);
  if (seen.what == event_step::stale)
    return false;
  state.stale = false;
  state.cut_off = false;
  if (seen.missed == 0)
    return true;
  state.partial = true;
  if (seen.what == event_step::gap) {
    ++state.gaps;
    ++counts_.gaps;
    state.missed += seen.missed;
    counts_.missed += seen.missed;
    if (options_.on_gap == gap_policy::reset && index_) {
      index_->remove_rank(rank_of(event));
      orphans_.clear(rank_of(event));
    }
  }
  return true;
}

event_outcome kv_router::apply_data(rank_state& state,
                                    const router_event& event) {
  const worker_rank rank = rank_of(event);
  const apply_report report = apply_to_index(state, event);
  const bool is_device = event.tier == storage_tier::device;
  const auto* stored = std::get_if<kv_stored>(&event.event.data);
  if (report.outcome == apply_outcome::parent_unknown &&
      options_.index.orphans == orphan_policy::hold &&
      // Its parent may be one that had to make room: it will not come again.
      index_->evicted(rank) == 0) {
    ++state.orphans;
    if (!orphans_.hold(rank, *stored))
      state.partial = true;
    return event_outcome::held;
  }
  note_report(state, report);
  if (stored != nullptr && is_device && orphans_.size(rank) > 0)
    adopt_orphans(state, rank, *stored);
  if (report.outcome == apply_outcome::applied ||
      report.outcome == apply_outcome::duplicate ||
      report.outcome == apply_outcome::block_unknown) {
    counts_.stored += stored != nullptr ? 1 : 0;
    counts_.removed += std::holds_alternative<kv_removed>(event.event.data);
    counts_.cleared += std::holds_alternative<kv_cleared>(event.event.data);
  }
  return outcome_of(report.outcome);
}

/// What is held for a parent must follow removals and clears, too.
apply_report kv_router::apply_to_index(rank_state& state,
                                       const router_event& event) {
  const worker_rank rank = rank_of(event);
  std::uint64_t held = 0;
  if (const auto* removed = std::get_if<kv_removed>(&event.event.data);
      removed != nullptr && event.tier == storage_tier::device &&
      orphans_.size(rank) > 0) {
    for (const std::uint64_t block : removed->block_hashes)
      held += orphans_.remove(rank, block) ? 1 : 0;
  }
  apply_report report =
      index_->apply(rank, event.event, event.tier, event.domain);
  report.unknown -= std::min(report.unknown, held);
  report.removed += held;
  if (report.outcome == apply_outcome::block_unknown && report.unknown == 0)
    report.outcome = apply_outcome::applied;
  // An emptied rank is known completely, whatever was missed before.
  if (std::holds_alternative<kv_cleared>(event.event.data) &&
      event.domain != residency_domain::cache_owner) {
    orphans_.clear(rank);
    state.partial = false;
  }
  return report;
}

/// Applies what waits for these blocks, and what waits for that.
void kv_router::adopt_orphans(rank_state& state, const worker_rank& rank,
                              const kv_stored& stored) {
  std::vector<kv_stored> arrived{stored};
  while (!arrived.empty() && orphans_.size(rank) > 0) {
    const kv_stored next = std::move(arrived.back());
    arrived.pop_back();
    for (const kv_block& block : next.blocks) {
      for (kv_stored& child : orphans_.take(rank, block.block_hash)) {
        kv_cache_event event;
        event.data = child;
        event.dp_rank = rank.dp_rank;
        const apply_report report =
            index_->apply(rank, event, storage_tier::device);
        note_report(state, report);
        if (report.outcome != apply_outcome::parent_unknown)
          arrived.push_back(std::move(child));
      }
    }
  }
}

void kv_router::note_report(rank_state& state, const apply_report& report) {
  counts_.duplicate_blocks += report.duplicates;
  counts_.unknown_blocks += report.unknown;
  counts_.conflicting_blocks += report.conflicts;
  switch (report.outcome) {
  case apply_outcome::applied:
  case apply_outcome::duplicate:
  case apply_outcome::block_unknown:
    ++counts_.applied;
    return;
  case apply_outcome::parent_unknown:
    ++counts_.parent_unknown;
    ++state.orphans;
    break;
  case apply_outcome::invalid:
    ++counts_.invalid;
    break;
  case apply_outcome::full:
    ++counts_.full;
    break;
  }
  state.partial = true;
}

} // namespace dynamo
