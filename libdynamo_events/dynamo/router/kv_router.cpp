#include "dynamo/router/kv_router.hpp"

#include "dynamo/base/ids.hpp"

#include <algorithm>
#include <limits>
#include <string>
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

kv_router::kv_router(const router_options& options, std::uint32_t block_size)
    : options_(options)
    , block_size_(std::max<std::uint32_t>(block_size, 1))
    , index_(options.index)
    , sources_(options.index.ranks_max)
    , early_(options.early)
    , requests_(options.active) {}

batch_outcome kv_router::apply_events(std::uint64_t publisher_id,
                                      const kv_events& batch) {
  const std::optional<worker_rank> bound = sources_.rank_of(publisher_id);
  if (!bound && options_.sources == source_policy::bound) {
    for (const router_event& event : batch)
      early_.keep(publisher_id, event);
    return batch_outcome::kept;
  }
  if (!bound) {
    for (const router_event& event : batch)
      apply_unbound(publisher_id, event);
    return batch_outcome::applied;
  }
  if (sources_.speaker_of(*bound) != publisher_id) {
    counts_.superseded += batch.size();
    return batch_outcome::superseded;
  }
  if (std::any_of(batch.begin(), batch.end(), [&](const router_event& event) {
        return rank_of(event) != *bound;
      })) {
    counts_.disagreeing += batch.size();
    return batch_outcome::disagrees;
  }
  for (const router_event& event : batch)
    apply(event);
  return batch_outcome::applied;
}

void kv_router::apply_unbound(std::uint64_t publisher_id,
                              const router_event& event) {
  const worker_rank rank = rank_of(event);
  rank_state* const state = state_of(rank);
  if (state == nullptr)
    ++counts_.full;
  else if (!speaks_for(publisher_id, *state, rank))
    ++counts_.superseded;
  else
    apply_to(*state, event);
}

bool kv_router::speaks_for(std::uint64_t publisher_id, rank_state& state,
                           const worker_rank& rank) {
  if (state.publisher == publisher_id)
    return true;
  if (sources_.speaker_of(rank) || state.retired == publisher_id)
    return false;
  // A new publisher is a new life of the rank; what the old one still has on
  // its way must not take the rank back.
  if (state.publisher)
    reset(rank, state);
  state.retired = std::exchange(state.publisher, publisher_id);
  return true;
}

event_outcome kv_router::apply(const router_event& event) {
  rank_state* const state = state_of(rank_of(event));
  if (state != nullptr)
    return apply_to(*state, event);
  ++counts_.full;
  return event_outcome::full;
}

event_outcome kv_router::apply_to(rank_state& state,
                                  const router_event& event) {
  if (!note_id(state, event)) {
    ++counts_.stale;
    return event_outcome::stale;
  }
  if (!is_followed(event)) {
    ++counts_.ignored;
    return event_outcome::ignored;
  }
  const apply_report report =
      index_.apply(rank_of(event), event.event, event.tier, event.domain);
  note_report(state, report);
  // An emptied rank is known completely, whatever was missed before.
  if (std::holds_alternative<kv_cleared>(event.event.data) &&
      event.domain != residency_domain::cache_owner)
    state.partial = false;
  return outcome_of(report.outcome);
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
    if (options_.on_gap == gap_policy::reset)
      index_.remove_rank(rank_of(event));
  }
  return true;
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

status kv_router::bind_source(std::uint64_t publisher_id,
                              const worker_rank& rank) {
  const std::optional<worker_rank> before = sources_.rank_of(publisher_id);
  if (before == rank) {
    // Its record was gone for a while; what it said still holds.
    if (const auto known = ranks_.find(rank); known != ranks_.end())
      known->second.stale = known->second.stale && known->second.cut_off;
    return ok();
  }
  if (before)
    unbind_source(publisher_id);
  rank_state* const state = state_of(rank);
  if (state == nullptr)
    return error{errc::too_large,
                 "source of rank " + std::to_string(rank.dp_rank) +
                     " of worker " + id_to_hex(rank.worker_id) + ": already " +
                     std::to_string(ranks_.size()) + " ranks known"};
  if (sources_.bind(publisher_id, rank) == source_table::binding::refused) {
    forget_if_unused(rank);
    return error{errc::too_large,
                 "source " + id_to_hex(publisher_id) + ": already " +
                     std::to_string(options_.index.ranks_max) + " bound"};
  }
  if (state->publisher != publisher_id) {
    if (state->cursor.last())
      reset(rank, *state);
    state->publisher = publisher_id;
    state->cut_off = false;
  }
  for (const router_event& event : early_.take(publisher_id)) {
    if (rank_of(event) == rank)
      apply_to(*state, event);
    else
      ++counts_.disagreeing;
  }
  return ok();
}

bool kv_router::unbind_source(std::uint64_t publisher_id) {
  bool known = !early_.take(publisher_id).empty();
  known = sources_.unbind(publisher_id).has_value() || known;
  for (const worker_rank& rank : ranks_of(publisher_id)) {
    known = true;
    rank_state& state = ranks_.at(rank);
    reset(rank, state);
    state.publisher = sources_.speaker_of(rank);
    forget_if_unused(rank);
  }
  return known;
}

bool kv_router::reset_source(std::uint64_t publisher_id) {
  const std::vector<worker_rank> spoken_for = ranks_of(publisher_id);
  for (const worker_rank& rank : spoken_for)
    reset(rank, ranks_.at(rank));
  return !early_.take(publisher_id).empty() || !spoken_for.empty();
}

status kv_router::add_worker(std::uint64_t worker_id, std::uint32_t first_rank,
                             std::uint32_t rank_count, std::string endpoint) {
  if (rank_count > std::numeric_limits<std::uint32_t>::max() - first_rank)
    return error{errc::invalid, "worker " + id_to_hex(worker_id) +
                                    ": expected ranks below 2^32, got " +
                                    std::to_string(rank_count) + " from " +
                                    std::to_string(first_rank) + " on"};
  const auto is_wanted = [&](const worker_rank& rank) {
    return rank.worker_id == worker_id && rank.dp_rank >= first_rank &&
           rank.dp_rank - first_rank < rank_count;
  };
  const auto known = static_cast<std::size_t>(
      std::count_if(ranks_.begin(), ranks_.end(),
                    [&](const auto& one) { return is_wanted(one.first); }));
  if (rank_count > known &&
      rank_count - known > options_.index.ranks_max - ranks_.size())
    return error{errc::too_large,
                 "worker " + id_to_hex(worker_id) + ": expected at most " +
                     std::to_string(options_.index.ranks_max) +
                     " ranks in all, got " + std::to_string(rank_count) +
                     " beside " + std::to_string(ranks_.size() - known)};
  std::vector<worker_rank> left;
  for (auto at = ranks_.lower_bound({worker_id, 0});
       at != ranks_.end() && at->first.worker_id == worker_id; ++at) {
    if (at->second.member && !is_wanted(at->first))
      left.push_back(at->first);
  }
  for (const worker_rank& rank : left)
    leave(rank, ranks_.at(rank));
  for (std::uint32_t i = 0; i < rank_count; ++i)
    ranks_[{worker_id, first_rank + i}].member = true;
  workers_[worker_id] = std::move(endpoint);
  return ok();
}

bool kv_router::remove_worker(std::uint64_t worker_id) {
  std::vector<worker_rank> left;
  for (auto at = ranks_.lower_bound({worker_id, 0});
       at != ranks_.end() && at->first.worker_id == worker_id; ++at)
    left.push_back(at->first);
  for (const worker_rank& rank : left)
    leave(rank, ranks_.at(rank));
  return workers_.erase(worker_id) > 0 || !left.empty();
}

bool kv_router::suspend_worker(std::uint64_t worker_id) {
  std::vector<worker_rank> suspended;
  for (auto at = ranks_.lower_bound({worker_id, 0});
       at != ranks_.end() && at->first.worker_id == worker_id; ++at) {
    suspended.push_back(at->first);
  }
  for (const worker_rank& rank : suspended) {
    rank_state& state = ranks_.at(rank);
    state.member = false;
    state.reported.reset();
    requests_.remove_rank(rank);
    forget_if_unused(rank);
  }
  return workers_.erase(worker_id) > 0;
}

void kv_router::leave(const worker_rank& rank, rank_state& state) {
  // Its source may still be there and speak of blocks forgotten here.
  const bool was_live = state.cursor.last().has_value();
  reset(rank, state);
  state.partial = was_live;
  state.member = false;
  state.reported.reset();
  requests_.remove_rank(rank);
  forget_if_unused(rank);
}

void kv_router::reset(const worker_rank& rank, rank_state& state) {
  index_.remove_rank(rank);
  state.cursor.reset();
  state.partial = false;
  state.stale = false;
  state.cut_off = false;
}

void kv_router::forget_if_unused(const worker_rank& rank) {
  const auto at = ranks_.find(rank);
  if (at != ranks_.end() && !at->second.member && !at->second.publisher &&
      !at->second.cursor.last())
    ranks_.erase(at);
}

kv_router::rank_state* kv_router::state_of(const worker_rank& rank) {
  if (const auto at = ranks_.find(rank); at != ranks_.end())
    return &at->second;
  if (ranks_.size() >= options_.index.ranks_max)
    return nullptr;
  return &ranks_[rank];
}

std::vector<worker_rank> kv_router::ranks_of(std::uint64_t publisher_id) const {
  std::vector<worker_rank> spoken_for;
  for (const auto& [rank, state] : ranks_) {
    if (state.publisher == publisher_id)
      spoken_for.push_back(rank);
  }
  return spoken_for;
}

bool kv_router::merge_load(const active_load& load) {
  const auto at = ranks_.find({load.worker_id, load.dp_rank});
  if (at == ranks_.end() || !at->second.member) {
    ++counts_.loads_ignored;
    return false;
  }
  std::optional<active_load>& merged = at->second.reported;
  if (!merged) {
    merged = load;
    return true;
  }
  if (load.active_decode_blocks)
    merged->active_decode_blocks = load.active_decode_blocks;
  if (load.active_prefill_tokens)
    merged->active_prefill_tokens = load.active_prefill_tokens;
  if (load.kv_used_blocks)
    merged->kv_used_blocks = load.kv_used_blocks;
  return true;
}

} // namespace dynamo
