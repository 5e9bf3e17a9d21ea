#include "dynamo/router/replica_sync.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

/// As many as a snapshot of the default active_limits has, in bytes 64 MB.
constexpr std::size_t outgoing_blocks_max = 8'388'608;
constexpr std::size_t ended_max = 65'536;
constexpr std::size_t departed_max = 1024;

std::uint64_t key_of(std::uint64_t router_id, std::string_view request_id) {
  return digest_of_all(router_id, text_hash(request_id));
}

std::size_t blocks_of(const active_sequence_event& event) {
  const auto* added = std::get_if<add_request>(&event.data);
  return added != nullptr && added->token_sequence
             ? added->token_sequence->size()
             : 0;
}

active_sequence_event step_of(const booking& request) {
  return {.request_id = request.request_id,
          .worker = request.rank,
          .data = free_request{},
          .router_id = request.router_id,
          .lora_name = request.lora_name};
}

} // namespace

replica_sync::replica_sync(std::uint64_t router_id,
                           const replica_options& options)
    : router_id_(router_id)
    , options_(options)
    , ended_(ended_max, 4 * clock::duration{options.summary_interval}) {}

// -- What this router did

void replica_sync::added(const booking& request) {
  enqueue(added_event(request));
}

void replica_sync::prefill_completed(const booking& request) {
  active_sequence_event event = step_of(request);
  event.data = mark_prefill_completed{};
  enqueue(std::move(event));
}

void replica_sync::freed(const booking& request) {
  enqueue(step_of(request));
}

void replica_sync::enqueue(active_sequence_event event) {
  const std::size_t blocks = blocks_of(event);
  if (events_.size() >= options_.outgoing_max ||
      (event_blocks_ > 0 && event_blocks_ + blocks > outgoing_blocks_max)) {
    ++counts_.outgoing_dropped;
    return;
  }
  event.router_id = router_id_;
  event_blocks_ += blocks;
  events_.push_back(std::move(event));
}

active_sequence_events replica_sync::take_events() {
  active_sequence_events taken;
  taken.reserve(
      std::min(events_.size(), active_sequence_events_per_message_max));
  while (!events_.empty() &&
         taken.size() < active_sequence_events_per_message_max) {
    event_blocks_ -= blocks_of(events_.front());
    taken.push_back(std::move(events_.front()));
    events_.pop_front();
  }
  counts_.published += taken.size();
  return taken;
}

std::vector<sequence_state> replica_sync::take_states() {
  return std::exchange(states_, {});
}

// -- Events of others

bool replica_sync::apply(const active_sequence_events& events,
                         active_sequences& requests, clock::time_point now) {
  now_ = std::max(now_, now);
  bool went_on = false;
  for (const active_sequence_event& event : events) {
    if (event.router_id == router_id_) {
      ++counts_.own_ignored;
      continue;
    }
    if (is_ignored(event.router_id)) {
      ++counts_.late_ignored;
      continue;
    }
    const step said{event, requests};
    went_on |= std::visit([&](const auto& what) { return take(said, what); },
                          event.data);
    follow(event.router_id, requests);
  }
  return went_on;
}

bool replica_sync::take(const step& said, const add_request& added) {
  const active_sequence_event& event = said.event;
  replica_peer* peer = known_peer(event.router_id, said.requests);
  if (peer == nullptr)
    return false;
  peer->heard = now_;
  booking request = booking_of(event, added);
  const std::uint64_t print = fingerprint(request);
  if (ended_.is_late(key_of(event.router_id, event.request_id), print)) {
    ++counts_.late_ignored;
    return false;
  }
  const auto known =
      said.requests.state_of(event.router_id, event.request_id, now_);
  if (known && known->fingerprint == print) {
    // Booking it again would undo its prefill.
    said.requests.touch(event.router_id, event.request_id, now_);
    ++counts_.repeated_ignored;
    return false;
  }
  said.requests.add(std::move(request), now_);
  ++counts_.applied;
  return known.has_value();
}

bool replica_sync::take(const step& said, const mark_prefill_completed&) {
  const active_sequence_event& event = said.event;
  const auto owner = owner_meant(said);
  if (!owner) {
    ++counts_.unknown_ignored;
    return false;
  }
  const auto known = said.requests.state_of(*owner, event.request_id, now_);
  said.requests.mark_prefill_completed(*owner, event.request_id, now_);
  ++counts_.applied;
  follow(*owner, said.requests);
  return known && !known->prefill_completed;
}

bool replica_sync::take(const step& said, const free_request&) {
  const active_sequence_event& event = said.event;
  const auto owner = owner_meant(said);
  if (!owner) {
    ended_.add(key_of(event.router_id, event.request_id), std::nullopt, now_);
    ++counts_.unknown_ignored;
    return false;
  }
  const auto known = said.requests.state_of(*owner, event.request_id, now_);
  ended_.add(key_of(*owner, event.request_id),
             known ? std::optional{known->fingerprint} : std::nullopt, now_);
  // So that the same words do not end the next request with the id.
  if (*owner != event.router_id)
    ended_.add(key_of(event.router_id, event.request_id), std::nullopt, now_);
  said.requests.free(*owner, event.request_id, now_);
  ++counts_.applied;
  follow(*owner, said.requests);
  return true;
}

/// Whose request an event is about: the sender's; otherwise that of whoever
/// booked the id on the rank that the event names. A worker speaks so of what
/// it computes, a router of what it was told about another's request.
std::optional<std::uint64_t> replica_sync::owner_meant(const step& said) {
  const active_sequence_event& event = said.event;
  if (const auto peer = peers_.find(event.router_id); peer != peers_.end())
    peer->second.heard = now_;
  if (said.requests.rank_of(event.router_id, event.request_id))
    return event.router_id;
  // Said once more, of a request that is over.
  if (ended_.contains(key_of(event.router_id, event.request_id)))
    return std::nullopt;
  const auto owner = said.requests.owner_of(event.request_id);
  if (owner && said.requests.rank_of(*owner, event.request_id) == event.worker)
    return owner;
  return std::nullopt;
}

replica_peer* replica_sync::known_peer(std::uint64_t router_id,
                                       const active_sequences& requests) {
  if (const auto at = peers_.find(router_id); at != peers_.end())
    return &at->second;
  if (peers_.size() >= options_.routers_max) {
    ++counts_.routers_refused;
    return nullptr;
  }
  const digest_trail known{
      digest_of_all(requests.size(router_id), requests.digest(router_id)),
      interval()};
  return &peers_.emplace(router_id, replica_peer{known}).first->second;
}

void replica_sync::follow(std::uint64_t router_id, active_sequences& requests) {
  const auto at = peers_.find(router_id);
  if (at == peers_.end())
    return;
  replica_peer& peer = at->second;
  const std::uint64_t digest =
      digest_of_all(requests.size(router_id), requests.digest(router_id));
  peer.trail.advance(digest, now_);
  if (peer.expected == digest)
    agree({router_id, peer, requests});
}

// -- Routers that go

bool replica_sync::is_ignored(std::uint64_t router_id) {
  const auto at = departed_.find(router_id);
  if (at == departed_.end())
    return false;
  if (now_ - at->second < memory())
    return true;
  departed_.erase(at);
  return false;
}

void replica_sync::gap_seen(std::uint64_t router_id) {
  if (const auto at = peers_.find(router_id); at != peers_.end())
    at->second.gap = true;
}

bool replica_sync::remove_router(std::uint64_t router_id,
                                 active_sequences& requests) {
  if (router_id == router_id_)
    return false;
  std::erase_if(departed_, [&](const auto& each) {
    return now_ - each.second >= memory();
  });
  if (departed_.size() < departed_max)
    departed_.insert_or_assign(router_id, now_);
  const std::size_t gone = requests.remove_router(router_id);
  const auto at = peers_.find(router_id);
  if (at != peers_.end()) {
    drop_snapshot(at->second);
    peers_.erase(at);
    ++counts_.routers_lost;
  }
  return gone > 0;
}

bool replica_sync::tick(active_sequences& requests, clock::time_point now) {
  now_ = std::max(now_, now);
  ended_.expire(now_);
  if (!summarised_ || now_ - *summarised_ >= interval()) {
    summarised_ = now_;
    std::erase_if(states_, [](const sequence_state& each) {
      return std::holds_alternative<sequence_summary>(each.data);
    });
    states_.push_back(
        {router_id_, sequence_summary{requests.size(router_id_),
                                      requests.digest(router_id_)}});
  }
  answer(requests);
  std::size_t gone = 0;
  for (auto at = peers_.begin(); at != peers_.end();) {
    auto& [router_id, peer] = *at;
    if (peer.snapshot && now_ - peer.snapshot->heard >= memory())
      drop_snapshot(peer);
    const bool silent = now_ - peer.heard >= options_.silence_max;
    // One that sends no summaries is silent when it has nothing to say.
    if (!silent || (!peer.summarises && requests.size(router_id) > 0)) {
      ++at;
      continue;
    }
    gone += requests.remove_router(router_id);
    counts_.routers_lost += peer.summarises ? 1 : 0;
    drop_snapshot(peer);
    at = peers_.erase(at);
  }
  return gone > 0;
}

std::vector<replica_report>
replica_sync::replicas(const active_sequences& requests,
                       clock::time_point now) const {
  std::vector<replica_report> all;
  all.reserve(peers_.size());
  for (const auto& [router_id, peer] : peers_)
    all.push_back({.router_id = router_id,
                   .requests = requests.size(router_id),
                   .silence = now - peer.heard,
                   .summarises = peer.summarises,
                   .agrees = peer.agrees});
  return all;
}

} // namespace dynamo
