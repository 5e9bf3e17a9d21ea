// What a router shows of itself.

#include "dynamo/router/kv_router.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace dynamo {

std::string_view to_string(exclusion why) {
  switch (why) {
  case exclusion::none:
    break;
  case exclusion::cut_off:
    return "cut_off";
  case exclusion::overloaded:
    return "overloaded";
  case exclusion::not_allowed:
    return "not_allowed";
  case exclusion::not_pinned:
    return "not_pinned";
  case exclusion::taints:
    return "taints";
  }
  return "";
}

std::string_view to_string(refusal why) {
  switch (why) {
  case refusal::no_worker:
    return "no_worker";
  case refusal::none_allowed:
    return "none_allowed";
  case refusal::overloaded:
    return "overloaded";
  case refusal::queue_full:
    return "queue_full";
  case refusal::timed_out:
    return "timed_out";
  case refusal::cancelled:
    return "cancelled";
  case refusal::too_large:
    return "too_large";
  case refusal::duplicate:
    break;
  }
  return "duplicate";
}

std::vector<rank_overlap>
kv_router::overlaps(std::span<const std::uint64_t> local) const {
  std::vector<rank_overlap> found = lookup().find_matches(local);
  std::erase_if(found, [&](const rank_overlap& one) {
    const auto at = ranks_.find(one.rank);
    return at == ranks_.end() || !at->second.member;
  });
  return found;
}

std::vector<rank_report> kv_router::ranks(clock::time_point now) const {
  const index_size size = index();
  const std::uint64_t pairs =
      std::accumulate(size.blocks.begin(), size.blocks.end(), std::uint64_t{0});
  const double bytes_per_block =
      pairs == 0 ? 0
                 : static_cast<double>(size.bytes) / static_cast<double>(pairs);
  std::vector<rank_report> reports;
  reports.reserve(ranks_.size());
  for (const auto& [rank, state] : ranks_)
    reports.push_back(report_of(rank, state, bytes_per_block, now));
  return reports;
}

rank_report kv_router::report_of(const worker_rank& rank,
                                 const rank_state& state,
                                 double bytes_per_block,
                                 clock::time_point now) const {
  rank_report report;
  report.rank = rank;
  report.member = state.member;
  if (const worker_profile* profile =
          state.member ? profile_of(rank.worker_id) : nullptr)
    report.endpoint = profile->endpoint;
  report.sync = sync_of(state, rank);
  report.trust = trust_of(state, rank, now);
  if (state.proven)
    report.unproven = now - *state.proven;
  report.publisher_id = state.publisher;
  report.contested = state.contested;
  report.last_event_id = state.cursor.last();
  report.gaps = state.gaps;
  report.missed = state.missed;
  report.orphans = state.orphans;
  report.orphans_held = orphans_.size(rank);
  if (index_) {
    report.blocks = index_->blocks(rank);
    report.evicted = index_->evicted(rank);
    const auto held = std::accumulate(report.blocks.begin(),
                                      report.blocks.end(), std::uint64_t{0});
    report.bytes =
        static_cast<std::uint64_t>(bytes_per_block * static_cast<double>(held));
  }
  if (predictor_)
    report.predicted = predictor_->index().blocks(rank)[0];
  report.load = requests_.load(rank, now).value_or(rank_load{});
  report.reported = overload_.reported(rank);
  report.capacity = overload_.capacity(rank);
  report.overloaded = overload_.is_overloaded(rank);
  report.forward_pass = state.forward_pass;
  return report;
}

std::vector<held_block> kv_router::blocks(const worker_rank& rank) const {
  if (index_)
    return index_->dump(rank);
  return predictor_ ? predictor_->index().dump(rank)
                    : std::vector<held_block>{};
}

std::vector<booked_request> kv_router::booked(clock::time_point now) const {
  return requests_.requests(now);
}

std::vector<replica_report> kv_router::replicas(clock::time_point now) const {
  return replicas_.replicas(requests_, now);
}

index_size kv_router::index() const {
  if (index_)
    return index_->size();
  return predictor_ ? predictor_->index().size() : index_size{};
}

router_counts kv_router::counts() const {
  router_counts totals = counts_;
  totals.early_kept = early_.size();
  totals.early_dropped = early_.dropped();
  totals.orphans_kept = orphans_.size();
  totals.orphans = orphans_.counts();
  totals.evicted_blocks = index_ ? index_->size().evicted : 0;
  totals.requests = requests_.counts();
  totals.queue = queue_.counts();
  totals.replicas = replicas_.counts();
  if (predictor_)
    totals.predictions = predictor_->counts();
  return totals;
}

} // namespace dynamo
