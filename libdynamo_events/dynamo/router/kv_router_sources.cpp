// Which publisher speaks for which rank.

#include "dynamo/base/ids.hpp"
#include "dynamo/router/kv_router.hpp"

#include <string>
#include <utility>

namespace dynamo {

status kv_router::bind_source(std::uint64_t publisher_id,
                              const worker_rank& rank, clock::time_point now) {
  const std::optional<worker_rank> before = sources_.rank_of(publisher_id);
  if (before == rank) {
    // Its record was gone for a while; what it said still holds.
    if (const auto known = ranks_.find(rank); known != ranks_.end())
      known->second.stale = known->second.stale && known->second.cut_off;
    return ok();
  }
  if (before)
    unbind_source(publisher_id, now);
  rank_state* const state = state_of(rank);
  if (state == nullptr)
    return error{errc::too_large,
                 "source " + id_to_hex(publisher_id) + ": already " +
                     std::to_string(ranks_.size()) + " ranks known"};
  if (sources_.bind(publisher_id, rank) == source_table::binding::refused) {
    forget_if_unused(rank);
    return error{errc::too_large,
                 "source " + id_to_hex(publisher_id) + ": already " +
                     std::to_string(options_.index.ranks_max) + " bound"};
  }
  if (options_.index.incarnations == incarnation_policy::none &&
      sources_.count(rank) > 1) {
    reset(rank, *state);
    state->publisher.reset();
    state->contested = true;
    return ok();
  }
  if (state->publisher != publisher_id) {
    if (state->cursor.last())
      reset(rank, *state);
    state->publisher = publisher_id;
    state->cut_off = false;
  }
  apply_early(publisher_id, *state, rank, now);
  return ok();
}

bool kv_router::unbind_source(std::uint64_t publisher_id,
                              clock::time_point now) {
  bool known = !early_.take(publisher_id).empty();
  const std::optional<worker_rank> bound = sources_.unbind(publisher_id);
  known = known || bound.has_value();
  for (const worker_rank& rank : ranks_of(publisher_id)) {
    known = true;
    rank_state& state = ranks_.at(rank);
    reset(rank, state);
    state.publisher = sources_.speaker_of(rank);
    forget_if_unused(rank);
  }
  if (!bound)
    return known;
  const auto contested = ranks_.find(*bound);
  if (contested != ranks_.end() && contested->second.contested &&
      sources_.count(*bound) < 2) {
    rank_state& state = contested->second;
    state.contested = false;
    state.publisher = sources_.speaker_of(*bound);
    if (state.publisher)
      apply_early(*state.publisher, state, *bound, now);
    forget_if_unused(*bound);
  }
  return known;
}

bool kv_router::reset_source(std::uint64_t publisher_id) {
  const std::vector<worker_rank> spoken_for = ranks_of(publisher_id);
  for (const worker_rank& rank : spoken_for)
    reset(rank, ranks_.at(rank));
  return !early_.take(publisher_id).empty() || !spoken_for.empty();
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

std::vector<worker_rank> kv_router::ranks_of(std::uint64_t publisher_id) const {
  std::vector<worker_rank> spoken_for;
  // Mostly the one that it is bound to.
  if (const auto bound = sources_.rank_of(publisher_id)) {
    const auto at = ranks_.find(*bound);
    if (at != ranks_.end() && at->second.publisher == publisher_id)
      spoken_for.push_back(*bound);
    return spoken_for;
  }
  for (const auto& [rank, state] : ranks_) {
    if (state.publisher == publisher_id)
      spoken_for.push_back(rank);
  }
  return spoken_for;
}

} // namespace dynamo
