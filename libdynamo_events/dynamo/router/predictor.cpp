#include "dynamo/router/predictor.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

namespace dynamo {

namespace {

constexpr std::chrono::milliseconds grid{100};

/// Bounds what an event to the index holds, and its memory.
constexpr std::size_t removed_at_once = 1024;

/// Put-off work of the index that a call does along the way.
constexpr std::size_t tidy_steps = 1;

std::uint64_t pair_hash(std::uint64_t hash, std::uint32_t rank,
                        std::uint64_t seed) {
  return mix(hash ^ (seed + rank * std::uint64_t{0x9e3779b97f4a7c15}));
}

index_options options_for(index_options index, std::uint64_t pairs_max) {
  index.removal = removal_policy::keep;
  index.conflicts = conflict_policy::follow;
  index.blocks_max = std::max(index.blocks_max, pairs_max);
  return index;
}

std::uint64_t blocks_applied(const apply_report& report) {
  return report.stored + report.duplicates + report.conflicts;
}

} // namespace

std::uint64_t predictor::links::hash(std::uint32_t id) const {
  return pair_hash((*pairs)[id].hash, (*pairs)[id].rank, seed);
}

predictor::predictor(const prediction_options& options, clock::duration ttl,
                     const index_options& index, std::uint64_t seed)
    : options_(options)
    , ttl_(ttl)
    , seed_(seed)
    , index_(
          make_prefix_index(options_for(index, options.tree_size_max), seed)) {}

void predictor::record(const worker_rank& rank,
                       std::span<const std::uint64_t> local,
                       std::span<const std::uint64_t> sequence,
                       clock::time_point now) {
  const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(
      {local.size(), sequence.size(), options_.tree_size_max}));
  if (length == 0)
    return;
  if (ttl_ <= clock::duration::zero()) {
    counts_.recorded += length;
    counts_.expired += length;
    return;
  }
  if (newest_ == no_index) {
    origin_ = std::chrono::floor<std::chrono::milliseconds>(now);
    origin_ -= origin_.time_since_epoch() % grid;
    expires_ = 0;
  }
  expires_ = std::max(expires_, expiry(now));
  local = local.first(length);
  sequence = sequence.first(length);
  const std::size_t first = use_path(rank, sequence);
  prune();
  store(rank, local, sequence, first);
  index_->tidy(tidy_steps);
}

std::size_t predictor::expire(clock::time_point now) {
  const std::uint64_t before = counts_.expired;
  while (oldest_ != no_index &&
         origin_ + grid * std::int64_t{pairs_[oldest_].expires} <= now) {
    drop_from_index(oldest_);
    ++counts_.expired;
  }
  flush_removed();
  index_->tidy(tidy_steps);
  return static_cast<std::size_t>(counts_.expired - before);
}

std::vector<rank_overlap>
predictor::find_matches(std::span<const std::uint64_t> local) const {
  return index_->find_matches(local);
}

void predictor::remove_rank(const worker_rank& rank) {
  if (const auto at = numbers_.find(rank); at != numbers_.end()) {
    // The last drop takes the number away.
    const std::uint32_t number = at->second;
    while (ranks_[number].first != no_index) {
      drop(ranks_[number].first);
      ++counts_.removed;
    }
  }
  index_->remove_rank(rank);
}

std::uint64_t predictor::heap_bytes() const {
  constexpr std::size_t map_node = 64;
  return pairs_.heap_bytes() + by_hash_.heap_bytes() +
         numbers_.size() * map_node + ranks_.capacity() * sizeof(rank_entry) +
         free_numbers_.capacity() * sizeof(std::uint32_t) +
         std::get<kv_stored>(stored_.data).blocks.capacity() *
             sizeof(kv_block) +
         std::get<kv_removed>(removed_.data).block_hashes.capacity() *
             sizeof(std::uint64_t) +
         index_->size().bytes;
}

predictor::tick predictor::expiry(clock::time_point now) const {
  const auto steps =
      (std::chrono::ceil<std::chrono::milliseconds>(now - origin_ + ttl_) +
       grid - std::chrono::milliseconds{1}) /
      grid;
  return static_cast<tick>(
      std::clamp<std::int64_t>(steps, 0, std::numeric_limits<tick>::max()));
}

// The first position that is new; the path's length when none is.
std::size_t predictor::use_path(const worker_rank& rank,
                                std::span<const std::uint64_t> sequence) {
  const std::uint32_t number = number_of(rank);
  std::size_t first = sequence.size();
  for (std::size_t i = sequence.size(); i-- > 0;) {
    const std::uint32_t id = find(number, sequence[i]);
    if (id == no_index) {
      add(number, sequence[i]);
      first = i;
      ++counts_.recorded;
      continue;
    }
    unlink(id);
    link_newest(id);
    ++counts_.refreshed;
  }
  return first;
}

std::uint32_t predictor::number_of(const worker_rank& rank) {
  const auto [at, is_new] = numbers_.try_emplace(rank, 0);
  if (!is_new)
    return at->second;
  if (free_numbers_.empty()) {
    at->second = static_cast<std::uint32_t>(ranks_.size());
    ranks_.push_back({rank, no_index});
  } else {
    at->second = free_numbers_.back();
    free_numbers_.pop_back();
    ranks_[at->second] = {rank, no_index};
  }
  return at->second;
}

void predictor::add(std::uint32_t rank, std::uint64_t hash) {
  rank_entry& owner = ranks_[rank];
  const std::uint32_t id = pairs_.take();
  pairs_[id] = {.hash = hash,
                .expires = 0,
                .rank = rank,
                .older = no_index,
                .newer = no_index,
                .rank_before = no_index,
                .rank_after = owner.first,
                .chain = no_index};
  if (owner.first != no_index)
    pairs_[owner.first].rank_before = id;
  owner.first = id;
  by_hash_.insert(id, to_pairs());
  link_newest(id);
}

std::uint32_t predictor::find(std::uint32_t rank, std::uint64_t hash) const {
  std::uint32_t id = by_hash_.head(pair_hash(hash, rank, seed_));
  while (id != no_index && (pairs_[id].hash != hash || pairs_[id].rank != rank))
    id = pairs_[id].chain;
  return id;
}

void predictor::link_newest(std::uint32_t id) {
  pairs_[id].expires = expires_;
  pairs_[id].older = newest_;
  pairs_[id].newer = no_index;
  if (newest_ == no_index)
    oldest_ = id;
  else
    pairs_[newest_].newer = id;
  newest_ = id;
}

void predictor::unlink(std::uint32_t id) {
  const pair& at = pairs_[id];
  if (at.older == no_index)
    oldest_ = at.newer;
  else
    pairs_[at.older].newer = at.newer;
  if (at.newer == no_index)
    newest_ = at.older;
  else
    pairs_[at.newer].older = at.older;
}

void predictor::drop(std::uint32_t id) {
  unlink(id);
  by_hash_.erase(id, to_pairs());
  const pair& at = pairs_[id];
  if (at.rank_after != no_index)
    pairs_[at.rank_after].rank_before = at.rank_before;
  if (at.rank_before != no_index) {
    pairs_[at.rank_before].rank_after = at.rank_after;
  } else {
    rank_entry& owner = ranks_[at.rank];
    owner.first = at.rank_after;
    if (owner.first == no_index) {
      numbers_.erase(owner.rank);
      free_numbers_.push_back(at.rank);
    }
  }
  pairs_.give_back(id);
}

void predictor::drop_from_index(std::uint32_t id) {
  auto& hashes = std::get<kv_removed>(removed_.data).block_hashes;
  const worker_rank& rank = ranks_[pairs_[id].rank].rank;
  if (rank != removed_of_ || hashes.size() >= removed_at_once)
    flush_removed();
  removed_of_ = rank;
  hashes.push_back(pairs_[id].hash);
  drop(id);
}

void predictor::flush_removed() {
  auto& hashes = std::get<kv_removed>(removed_.data).block_hashes;
  if (hashes.empty())
    return;
  removed_.dp_rank = removed_of_.dp_rank;
  // Some may be unknown there: evicted, or pruned before they were stored.
  index_->apply(removed_of_, removed_, storage_tier::device);
  hashes.clear();
}

void predictor::prune() {
  if (size() <= options_.tree_size_max)
    return;
  const double ratio = std::clamp(options_.prune_target_ratio, 0.0, 1.0);
  const auto target = static_cast<std::uint64_t>(
      static_cast<double>(options_.tree_size_max) * ratio);
  while (size() > target) {
    drop_from_index(oldest_);
    ++counts_.pruned;
  }
  flush_removed();
}

void predictor::store(const worker_rank& rank,
                      std::span<const std::uint64_t> local,
                      std::span<const std::uint64_t> sequence,
                      std::size_t first) {
  const auto number = numbers_.find(rank);
  if (number == numbers_.end())
    return;
  // A path longer than what pruning leaves has lost its end.
  while (!sequence.empty() && find(number->second, sequence.back()) == no_index)
    sequence = sequence.first(sequence.size() - 1);
  local = local.first(sequence.size());
  // Blocks before the first new one may be missing once the index evicts.
  if (index_->evicted(rank) > 0)
    first = 0;
  if (first >= sequence.size())
    return;
  apply_report report = store_from(rank, local, sequence, first);
  if (report.outcome == apply_outcome::parent_unknown) {
    first = 0;
    report = store_from(rank, local, sequence, first);
  }
  if (report.outcome == apply_outcome::full ||
      report.outcome == apply_outcome::invalid) {
    const std::size_t kept =
        std::min<std::size_t>(sequence.size(), first + blocks_applied(report));
    refuse(number->second, sequence.subspan(kept));
  }
}

apply_report predictor::store_from(const worker_rank& rank,
                                   std::span<const std::uint64_t> local,
                                   std::span<const std::uint64_t> sequence,
                                   std::size_t first) {
  auto& stored = std::get<kv_stored>(stored_.data);
  stored.parent_hash.reset();
  if (first > 0)
    stored.parent_hash = sequence[first - 1];
  stored.blocks.clear();
  for (std::size_t i = first; i < sequence.size(); ++i)
    stored.blocks.push_back(
        {.block_hash = sequence[i], .tokens_hash = local[i], .mm_objects = {}});
  stored_.dp_rank = rank.dp_rank;
  return index_->apply(rank, stored_, storage_tier::device);
}

// Forgets them on both sides, so that neither has more than the other.
void predictor::refuse(std::uint32_t rank,
                       std::span<const std::uint64_t> sequence) {
  for (std::size_t i = sequence.size(); i-- > 0;) {
    const std::uint32_t id = find(rank, sequence[i]);
    if (id == no_index)
      continue;
    drop_from_index(id);
    ++counts_.refused;
  }
  flush_removed();
}

} // namespace dynamo
