#include "dynamo/router/active_sequences.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

active_sequences::active_sequences(active_limits limits)
    : limits_(limits) {}

void active_sequences::add(booking request, clock::time_point now) {
  if (const auto old = find(request.request_id); old != entries_.end()) {
    drop(old);
    ++counts_.replaced;
  }
  const std::uint64_t prefill_tokens =
      request.prompt_tokens -
      std::min(request.prompt_tokens, request.cached_tokens);
  rank_state& state = ranks_[request.rank];
  ++state.load.active_requests;
  state.load.active_prefill_tokens += prefill_tokens;
  state.load.expected_output_tokens +=
      request.expected_output_tokens.value_or(0);
  for (const std::uint64_t block : request.sequence)
    ++state.uses[block];
  state.load.active_decode_blocks = state.uses.size();
  blocks_ += request.sequence.size();

  entries_.push_back({std::move(request), now, prefill_tokens});
  const auto at = std::prev(entries_.end());
  by_id_.emplace(at->request.request_id, at);
  ++counts_.booked;
  while (entries_.size() > 1 && (entries_.size() > limits_.requests_max ||
                                 blocks_ > limits_.blocks_max)) {
    drop(entries_.begin());
    ++counts_.evicted;
  }
}

bool active_sequences::mark_prefill_completed(std::string_view request_id) {
  const auto at = find(request_id);
  if (at == entries_.end())
    return false;
  ranks_[at->request.rank].load.active_prefill_tokens -= at->prefill_tokens;
  at->prefill_tokens = 0;
  return true;
}

bool active_sequences::free(std::string_view request_id) {
  const auto at = find(request_id);
  if (at == entries_.end())
    return false;
  drop(at);
  ++counts_.freed;
  return true;
}

std::size_t active_sequences::expire(clock::time_point now,
                                     clock::duration ttl) {
  std::size_t expired = 0;
  for (; !entries_.empty() && now - entries_.front().added >= ttl; ++expired)
    drop(entries_.begin());
  counts_.expired += expired;
  return expired;
}

void active_sequences::remove_rank(const worker_rank& rank) {
  if (!ranks_.contains(rank))
    return;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto next = std::next(at);
    if (at->request.rank == rank) {
      drop(at);
      ++counts_.removed;
    }
    at = next;
  }
}

std::optional<rank_load> active_sequences::load(const worker_rank& rank) const {
  const auto at = ranks_.find(rank);
  if (at == ranks_.end())
    return std::nullopt;
  return at->second.load;
}

std::uint64_t active_sequences::additional_blocks(
    const worker_rank& rank, std::span<const std::uint64_t> sequence) const {
  const auto at = ranks_.find(rank);
  if (at == ranks_.end())
    return sequence.size();
  // A block's name names its whole prefix, and every booking starts with the
  // first block: whoever uses a block uses all before it.
  const auto unused = std::partition_point(
      sequence.begin(), sequence.end(),
      [&](std::uint64_t block) { return at->second.uses.contains(block); });
  return static_cast<std::uint64_t>(sequence.end() - unused);
}

active_sequences::entry_list::iterator
active_sequences::find(std::string_view request_id) {
  const auto at = by_id_.find(request_id);
  return at == by_id_.end() ? entries_.end() : at->second;
}

void active_sequences::drop(entry_list::iterator at) {
  const booking& request = at->request;
  const auto rank = ranks_.find(request.rank);
  rank_state& state = rank->second;
  --state.load.active_requests;
  state.load.active_prefill_tokens -= at->prefill_tokens;
  state.load.expected_output_tokens -=
      request.expected_output_tokens.value_or(0);
  for (const std::uint64_t block : request.sequence) {
    const auto use = state.uses.find(block);
    if (--use->second == 0)
      state.uses.erase(use);
  }
  state.load.active_decode_blocks = state.uses.size();
  if (state.load.active_requests == 0)
    ranks_.erase(rank);
  blocks_ -= request.sequence.size();
  by_id_.erase(request.request_id);
  entries_.erase(at);
}

} // namespace dynamo
