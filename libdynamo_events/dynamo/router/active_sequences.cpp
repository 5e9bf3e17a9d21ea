#include "dynamo/router/active_sequences.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace dynamo {

namespace {

/// How many blocks of a prompt nobody uses.
std::uint64_t unused_blocks(const block_uses& uses,
                            std::span<const std::uint64_t> sequence) {
  // A block's name names its whole prefix, and every booking starts with the
  // first block: whoever uses a block uses all before it. Nearly always nobody
  // uses any.
  if (sequence.empty() || !uses.contains(sequence.front()))
    return sequence.size();
  const auto unused = std::partition_point(
      sequence.begin(), sequence.end(),
      [&](std::uint64_t block) { return uses.contains(block); });
  return static_cast<std::uint64_t>(sequence.end() - unused);
}

} // namespace

active_sequences::active_sequences(active_limits limits)
    : limits_(limits) {}

// -- The life of a request

void active_sequences::add(booking request, clock::time_point now,
                           clock::duration age) {
  now = advance(now);
  normalise(request);
  if (const auto old = find(request.router_id, request.request_id);
      old != no_slot) {
    drop(old);
    ++counts_.replaced;
  }
  const std::uint32_t slot = take_slot();
  entry& added = slots_[slot];
  added.fingerprint = dynamo::fingerprint(request);
  added.number = next_number_++;
  added.booked = now - age;
  added.changed = now;
  added.heard = now;
  added.rank = &*ranks_.try_emplace(request.rank).first;
  added.router = &*routers_.try_emplace(request.router_id).first;
  added.request = std::move(request);

  rank_state& rank = added.rank->second;
  rank.expected_output_tokens +=
      added.request.expected_output_tokens.value_or(0);
  if (added.request.prefill_tokens > 0)
    added.prefill = rank.prefills.add(added.request.prefill_tokens,
                                      added.request.expected_prefill_duration,
                                      added.booked);
  rank.requests.push_back(slot, links(by_rank));
  router_state& router = added.router->second;
  router.requests.push_back(slot, links(by_hearing));
  router.digest ^= digest_of(added.fingerprint, false);
  bookings_.push_back(slot, links(by_booking));
  by_id_.emplace(added.request.request_id, slot);
  use_blocks(slot);
  ++counts_.booked;
  evict();
}

bool active_sequences::mark_prefill_completed(std::uint64_t router_id,
                                              std::string_view request_id,
                                              clock::time_point now) {
  now = advance(now);
  const std::uint32_t slot = find(router_id, request_id);
  if (slot == no_slot)
    return false;
  hear(slot);
  entry& one = slots_[slot];
  if (one.prefill_completed)
    return true;
  one.prefill_completed = true;
  one.changed = now;
  one.router->second.digest ^=
      digest_of(one.fingerprint, false) ^ digest_of(one.fingerprint, true);
  if (one.prefill)
    one.rank->second.prefills.remove(*one.prefill, now);
  one.prefill.reset();
  return true;
}

bool active_sequences::add_output_block(std::uint64_t router_id,
                                        std::string_view request_id,
                                        std::optional<double> weight,
                                        clock::time_point now) {
  advance(now);
  const std::uint32_t slot = find(router_id, request_id);
  if (slot == no_slot)
    return false;
  hear(slot);
  entry& one = slots_[slot];
  std::uint64_t& sum = one.rank->second.own_weight;
  sum -= one.weight * (one.own_blocks + one.output_blocks);
  ++one.output_blocks;
  if (weight && !std::isnan(*weight))
    one.weight = static_cast<std::uint64_t>(std::clamp(*weight, 0.0, 1.0) *
                                            static_cast<double>(weight_one));
  sum += one.weight * (one.own_blocks + one.output_blocks);
  return true;
}

bool active_sequences::free(std::uint64_t router_id,
                            std::string_view request_id,
                            clock::time_point now) {
  advance(now);
  const std::uint32_t slot = find(router_id, request_id);
  if (slot == no_slot)
    return false;
  drop(slot);
  ++counts_.freed;
  return true;
}

bool active_sequences::touch(std::uint64_t router_id,
                             std::string_view request_id,
                             clock::time_point now) {
  advance(now);
  const std::uint32_t slot = find(router_id, request_id);
  if (slot == no_slot)
    return false;
  hear(slot);
  return true;
}

void active_sequences::touch_all(std::uint64_t router_id,
                                 clock::time_point now) {
  now = advance(now);
  if (const auto at = routers_.find(router_id); at != routers_.end())
    at->second.touched = now;
}

// -- Many at once

std::size_t active_sequences::expire(clock::time_point now,
                                     clock::duration ttl) {
  now = advance(now);
  std::size_t expired = 0;
  for (auto at = routers_.begin(); at != routers_.end();) {
    // The router may go with its last request.
    router_state& router = (at++)->second;
    if (now - router.touched < ttl)
      continue;
    for (std::size_t left = router.requests.size(); left > 0; --left) {
      const std::uint32_t slot = router.requests.first();
      if (now - slots_[slot].heard < ttl)
        break;
      drop(slot);
      ++expired;
    }
  }
  counts_.expired += expired;
  return expired;
}

std::size_t active_sequences::remove_rank(const worker_rank& rank) {
  const auto at = ranks_.find(rank);
  if (at == ranks_.end())
    return 0;
  const std::size_t count = at->second.requests.size();
  for (std::size_t left = count; left > 0; --left)
    drop(at->second.requests.first());
  counts_.removed += count;
  return count;
}

std::size_t active_sequences::remove_router(std::uint64_t router_id) {
  const auto at = routers_.find(router_id);
  if (at == routers_.end())
    return 0;
  const std::size_t count = at->second.requests.size();
  for (std::size_t left = count; left > 0; --left)
    drop(at->second.requests.first());
  counts_.removed += count;
  return count;
}

// -- Questions

std::optional<std::uint64_t>
active_sequences::owner_of(std::string_view request_id) const {
  const entry* last = nullptr;
  const auto [first, end] = by_id_.equal_range(request_id);
  for (auto at = first; at != end; ++at) {
    const entry& one = slots_[at->second];
    if (last == nullptr || one.number > last->number)
      last = &one;
  }
  return last == nullptr ? std::nullopt
                         : std::optional{last->request.router_id};
}

std::optional<worker_rank>
active_sequences::rank_of(std::uint64_t router_id,
                          std::string_view request_id) const {
  const std::uint32_t slot = find(router_id, request_id);
  if (slot == no_slot)
    return std::nullopt;
  return slots_[slot].request.rank;
}

std::optional<booking_state>
active_sequences::state_of(std::uint64_t router_id, std::string_view request_id,
                           clock::time_point now) const {
  const std::uint32_t slot = find(router_id, request_id);
  if (slot == no_slot)
    return std::nullopt;
  return state(slots_[slot], now);
}

std::optional<rank_load> active_sequences::load(const worker_rank& rank,
                                                clock::time_point now) const {
  const auto at = ranks_.find(rank);
  if (at == ranks_.end())
    return std::nullopt;
  return load_of(at->second, now);
}

std::optional<rank_demand>
active_sequences::demand(const worker_rank& rank,
                         std::span<const std::uint64_t> sequence,
                         clock::time_point now) const {
  const auto at = ranks_.find(rank);
  if (at == ranks_.end())
    return std::nullopt;
  return rank_demand{load_of(at->second, now),
                     unused_blocks(at->second.uses, sequence)};
}

rank_load active_sequences::load_of(const rank_state& of,
                                    clock::time_point now) {
  const std::uint64_t own = (of.own_weight + weight_one / 2) >> weight_bits;
  return {.active_requests = of.requests.size(),
          .active_prefill_tokens = of.prefills.tokens(now),
          .active_decode_blocks = of.shared_blocks + own,
          .expected_output_tokens = of.expected_output_tokens};
}

std::vector<booked_request>
active_sequences::requests(clock::time_point now,
                           std::optional<std::uint64_t> router_id) const {
  std::vector<booked_request> all;
  for (std::uint32_t slot = bookings_.first(); slot != no_slot;
       slot = slots_[slot].links[by_booking].after) {
    const entry& one = slots_[slot];
    if (router_id && *router_id != one.request.router_id)
      continue;
    all.push_back({.request = one.request,
                   .age = state(one, now).age,
                   .prefill_completed = one.prefill_completed,
                   .output_blocks = one.output_blocks});
  }
  return all;
}

void active_sequences::visit(std::uint64_t router_id, clock::time_point now,
                             const visitor& visit) const {
  const auto at = routers_.find(router_id);
  if (at == routers_.end())
    return;
  for (std::uint32_t slot = at->second.requests.first(); slot != no_slot;
       slot = slots_[slot].links[by_hearing].after)
    visit(slots_[slot].request, state(slots_[slot], now));
}

std::size_t active_sequences::size(std::uint64_t router_id) const {
  const auto at = routers_.find(router_id);
  return at == routers_.end() ? 0 : at->second.requests.size();
}

std::uint64_t active_sequences::digest(std::uint64_t router_id) const {
  const auto at = routers_.find(router_id);
  return at == routers_.end() ? 0 : at->second.digest;
}

// -- Entries

std::uint32_t active_sequences::find(std::uint64_t router_id,
                                     std::string_view request_id) const {
  const auto [first, end] = by_id_.equal_range(request_id);
  const auto at = std::find_if(first, end, [&](const auto& each) {
    return slots_[each.second].request.router_id == router_id;
  });
  return at == end ? no_slot : at->second;
}

std::uint32_t active_sequences::take_slot() {
  if (free_slots_.empty()) {
    slots_.emplace_back();
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

void active_sequences::use_blocks(std::uint32_t slot) {
  entry& one = slots_[slot];
  if (!one.request.sequence)
    return;
  rank_state& rank = one.rank->second;
  blocks_ += one.request.sequence->size();
  for (const std::uint64_t block : *one.request.sequence) {
    const block_uses::use before = rank.uses.add(block, slot);
    if (before.count == 0) {
      ++one.own_blocks;
      rank.own_weight += one.weight;
    } else if (before.count == 1) {
      entry& other = slots_[before.users];
      --other.own_blocks;
      rank.own_weight -= other.weight;
      ++rank.shared_blocks;
    }
  }
}

void active_sequences::release_blocks(std::uint32_t slot) {
  entry& one = slots_[slot];
  rank_state& rank = one.rank->second;
  rank.own_weight -= one.weight * one.output_blocks;
  if (!one.request.sequence)
    return;
  blocks_ -= one.request.sequence->size();
  for (const std::uint64_t block : *one.request.sequence) {
    const block_uses::use left = rank.uses.remove(block, slot);
    if (left.count == 0) {
      --one.own_blocks;
      rank.own_weight -= one.weight;
    } else if (left.count == 1) {
      entry& other = slots_[left.users];
      ++other.own_blocks;
      rank.own_weight += other.weight;
      --rank.shared_blocks;
    }
  }
}

void active_sequences::hear(std::uint32_t slot) {
  entry& one = slots_[slot];
  one.heard = latest_;
  one.router->second.requests.erase(slot, links(by_hearing));
  one.router->second.requests.push_back(slot, links(by_hearing));
}

void active_sequences::drop(std::uint32_t slot) {
  entry& one = slots_[slot];
  release_blocks(slot);
  rank_state& rank = one.rank->second;
  rank.expected_output_tokens -= one.request.expected_output_tokens.value_or(0);
  if (one.prefill)
    rank.prefills.remove(*one.prefill, latest_);
  rank.requests.erase(slot, links(by_rank));
  if (rank.requests.size() == 0)
    ranks_.erase(one.request.rank);

  router_state& router = one.router->second;
  router.requests.erase(slot, links(by_hearing));
  router.digest ^= digest_of(one.fingerprint, one.prefill_completed);
  if (router.requests.size() == 0)
    routers_.erase(one.request.router_id);

  bookings_.erase(slot, links(by_booking));
  const auto [first, end] = by_id_.equal_range(one.request.request_id);
  by_id_.erase(std::find_if(
      first, end, [&](const auto& each) { return each.second == slot; }));
  one = {};
  free_slots_.push_back(slot);
}

void active_sequences::evict() {
  while (bookings_.size() > 1 && (bookings_.size() > limits_.requests_max ||
                                  blocks_ > limits_.blocks_max)) {
    drop(bookings_.first());
    ++counts_.evicted;
  }
}

clock::time_point active_sequences::advance(clock::time_point now) {
  latest_ = std::max(latest_, now);
  return latest_;
}

booking_state active_sequences::state(const entry& of,
                                      clock::time_point now) const {
  return {.fingerprint = of.fingerprint,
          .prefill_completed = of.prefill_completed,
          .age = now - of.booked,
          .unchanged = now - of.changed};
}

} // namespace dynamo
