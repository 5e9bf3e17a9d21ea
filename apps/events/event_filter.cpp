#include "apps/events/event_filter.hpp"

#include <algorithm>
#include <iterator>

namespace dynamo::apps {

namespace {

kv_change change_of(const kv_cache_event& each) {
  if (std::holds_alternative<kv_stored>(each.data)) {
    return kv_change::stored;
  }
  return std::holds_alternative<kv_removed>(each.data) ? kv_change::removed
                                                       : kv_change::cleared;
}

struct matcher {
  const event_filter& filter;

  bool rank(std::uint64_t worker_id, std::uint64_t dp_rank) const {
    return (!filter.worker_id || *filter.worker_id == worker_id) &&
           (!filter.dp_rank || *filter.dp_rank == dp_rank);
  }

  template <class Events, class Matches>
  static std::optional<event> some(const Events& events, Matches matches) {
    Events kept;
    std::copy_if(events.begin(), events.end(), std::back_inserter(kept),
                 matches);
    return kept.empty() ? std::nullopt : std::optional<event>{std::move(kept)};
  }

  std::optional<event> operator()(const kv_events& events) const {
    return some(events, [this](const router_event& each) {
      return rank(each.worker_id, each.event.dp_rank) &&
             (!filter.kind || *filter.kind == change_of(each.event));
    });
  }

  std::optional<event> operator()(const active_sequence_events& events) const {
    if (filter.kind) {
      return std::nullopt;
    }
    return some(events, [this](const active_sequence_event& each) {
      return rank(each.worker.worker_id, each.worker.dp_rank);
    });
  }

  template <class Value>
  std::optional<event> whole(const Value& value, bool passes) const {
    return passes && !filter.kind ? std::optional<event>{value} : std::nullopt;
  }

  std::optional<event> operator()(const active_load& load) const {
    return whole(load, rank(load.worker_id, load.dp_rank));
  }

  std::optional<event> operator()(const session_affinity_update& update) const {
    const bool passes = update.dp_rank
                            ? rank(update.worker_id, *update.dp_rank)
                            : !filter.dp_rank && rank(update.worker_id, 0);
    return whole(update, passes);
  }

  std::optional<event> operator()(const forward_pass_metrics& pass) const {
    const bool worker = !filter.worker_id ||
                        pass.worker_id == std::to_string(*filter.worker_id);
    const bool of_rank = !filter.dp_rank || *filter.dp_rank == pass.dp_rank;
    return whole(pass, worker && of_rank);
  }

  /// It is about a router, not about ranks.
  std::optional<event> operator()(const sequence_state& state) const {
    return whole(state, !filter.worker_id && !filter.dp_rank);
  }

  std::optional<event> operator()(const raw_event& raw) const {
    return whole(raw, !filter.worker_id && !filter.dp_rank);
  }
};

} // namespace

std::optional<event> matching(const event_filter& filter, const event& value) {
  if (!filter.worker_id && !filter.dp_rank && !filter.kind) {
    return value;
  }
  return std::visit(matcher{filter}, value);
}

} // namespace dynamo::apps
