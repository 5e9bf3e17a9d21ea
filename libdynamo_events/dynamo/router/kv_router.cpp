// Who may be chosen.

#include "dynamo/router/kv_router.hpp"

#include "dynamo/base/ids.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

namespace dynamo {

namespace {

std::shared_ptr<prefix_index> index_for(const router_options& options,
                                        cache_view view, std::uint64_t seed) {
  // Where overlap is worth nothing there is no use in knowing it.
  if (view != cache_view::events || options.cost.overlap_score_credit == 0)
    return nullptr;
  return make_prefix_index(options.index, seed);
}

std::shared_ptr<predictor> predictor_for(const router_options& options,
                                         cache_view view, std::uint64_t seed) {
  const auto ttl = view == cache_view::prediction
                       ? options.prediction.ttl
                       : options.prediction.beside_events_ttl;
  const bool wanted = view == cache_view::prediction || ttl.count() > 0;
  if (!wanted || options.cost.overlap_score_credit == 0)
    return nullptr;
  return std::make_shared<predictor>(options.prediction, ttl, options.index,
                                     seed);
}

/// Workers are called by decimal numbers there.
std::optional<std::uint64_t> worker_named(std::string_view name) {
  std::uint64_t id = 0;
  const auto [end, failed] =
      std::from_chars(name.data(), name.data() + name.size(), id);
  if (failed != std::errc{} || end != name.data() + name.size())
    return std::nullopt;
  return id;
}

} // namespace

kv_router::kv_router(const router_options& options, std::uint32_t block_size,
                     cache_view view, std::uint64_t router_id,
                     std::uint64_t seed)
    : options_(options)
    , block_size_(std::max<std::uint32_t>(block_size, 1))
    , router_id_(router_id)
    , index_(index_for(options, view, seed))
    , predictor_(predictor_for(options, view, ~seed))
    , sources_(options.index.ranks_max)
    , early_(options.early)
    , orphans_(options.index.orphans_per_rank_max,
               options.index.orphan_blocks_max)
    , requests_(options.active)
    , overload_(options.overload)
    , queue_(options.queue)
    , replicas_(router_id, options.replicas) {}

status kv_router::add_worker(std::uint64_t worker_id, worker_profile profile) {
  const std::uint32_t first = profile.first_rank;
  const std::uint32_t count = profile.rank_count;
  if (count > std::numeric_limits<std::uint32_t>::max() - first)
    return error{errc::invalid, "worker " + id_to_hex(worker_id) +
                                    ": expected ranks below 2^32, got " +
                                    std::to_string(count) + " from " +
                                    std::to_string(first) + " on"};
  const auto is_wanted = [&](const worker_rank& rank) {
    return rank.dp_rank >= first && rank.dp_rank - first < count;
  };
  const std::vector<worker_rank> before = ranks_of_worker(worker_id);
  const auto known = static_cast<std::size_t>(
      std::count_if(before.begin(), before.end(), is_wanted));
  if (count > known && count - known > options_.index.ranks_max - ranks_.size())
    return error{errc::too_large,
                 "worker " + id_to_hex(worker_id) + ": expected at most " +
                     std::to_string(options_.index.ranks_max) +
                     " ranks in all, got " + std::to_string(count) +
                     " beside " + std::to_string(ranks_.size() - known)};
  for (const worker_rank& rank : before) {
    if (ranks_.at(rank).member && !is_wanted(rank))
      leave(rank, ranks_.at(rank));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const worker_rank rank{worker_id, first + i};
    make_member(*ranks_.try_emplace(rank).first);
    overload_.add_rank(rank, profile.capacity);
  }
  workers_[worker_id] = std::move(profile);
  return ok();
}

bool kv_router::remove_worker(std::uint64_t worker_id) {
  const std::vector<worker_rank> left = ranks_of_worker(worker_id);
  for (const worker_rank& rank : left)
    leave(rank, ranks_.at(rank));
  return workers_.erase(worker_id) > 0 || !left.empty();
}

bool kv_router::suspend_worker(std::uint64_t worker_id) {
  for (const worker_rank& rank : ranks_of_worker(worker_id)) {
    end_membership(rank, ranks_.at(rank));
    forget_if_unused(rank);
  }
  return workers_.erase(worker_id) > 0;
}

void kv_router::make_member(rank_map::value_type& rank) {
  if (std::exchange(rank.second.member, true))
    return;
  members_.insert(std::lower_bound(members_.begin(), members_.end(), rank.first,
                                   [](const auto* one, const worker_rank& key) {
                                     return one->first < key;
                                   }),
                  &rank);
}

void kv_router::end_membership(const worker_rank& rank, rank_state& state) {
  if (std::exchange(state.member, false))
    std::erase_if(members_,
                  [&](const auto* one) { return &one->second == &state; });
  overload_.remove_rank(rank);
  requests_.remove_rank(rank);
}

void kv_router::leave(const worker_rank& rank, rank_state& state) {
  // Its source may still be there and speak of blocks forgotten here.
  const bool was_live = state.cursor.last().has_value();
  reset(rank, state);
  state.partial = was_live;
  end_membership(rank, state);
  if (predictor_)
    predictor_->remove_rank(rank);
  forget_if_unused(rank);
}

void kv_router::reset(const worker_rank& rank, rank_state& state) {
  if (index_)
    index_->remove_rank(rank);
  orphans_.clear(rank);
  state.cursor.reset();
  state.partial = false;
  state.stale = false;
  state.cut_off = false;
  state.proven.reset();
}

void kv_router::forget_if_unused(const worker_rank& rank) {
  const auto at = ranks_.find(rank);
  if (at != ranks_.end() && !at->second.member && !at->second.publisher &&
      !at->second.contested && !at->second.cursor.last())
    ranks_.erase(at);
}

kv_router::rank_state* kv_router::state_of(const worker_rank& rank) {
  if (const auto at = ranks_.find(rank); at != ranks_.end())
    return &at->second;
  if (ranks_.size() >= options_.index.ranks_max)
    return nullptr;
  return &ranks_[rank];
}

std::vector<worker_rank>
kv_router::ranks_of_worker(std::uint64_t worker_id) const {
  std::vector<worker_rank> all;
  for (auto at = ranks_.lower_bound({worker_id, 0});
       at != ranks_.end() && at->first.worker_id == worker_id; ++at)
    all.push_back(at->first);
  return all;
}

const worker_profile* kv_router::profile_of(std::uint64_t worker_id) const {
  const auto at = workers_.find(worker_id);
  return at == workers_.end() ? nullptr : &at->second;
}

bool kv_router::merge_load(const active_load& load, clock::time_point now) {
  const auto at = ranks_.find({load.worker_id, load.dp_rank});
  if (at == ranks_.end() || !at->second.member || !overload_.merge(load)) {
    ++counts_.loads_ignored;
    return false;
  }
  // A worker that speaks on another topic is not lost; whether the stream of
  // its events is, says its connection.
  if (load.kv_used_blocks && !at->second.stale && !at->second.cut_off)
    at->second.proven = now;
  return true;
}

bool kv_router::note_forward_pass(const forward_pass_metrics& metrics,
                                  clock::time_point now) {
  const auto worker_id = worker_named(metrics.worker_id);
  const auto at =
      worker_id && metrics.dp_rank <= std::numeric_limits<std::uint32_t>::max()
          ? ranks_.find(
                {*worker_id, static_cast<std::uint32_t>(metrics.dp_rank)})
          : ranks_.end();
  if (at == ranks_.end() || !at->second.member) {
    ++counts_.loads_ignored;
    return false;
  }
  at->second.forward_pass = metrics;
  if (!at->second.stale && !at->second.cut_off)
    at->second.proven = now;
  return true;
}

} // namespace dynamo
