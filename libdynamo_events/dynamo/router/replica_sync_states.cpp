// The part of replica_sync that repairs: summaries and snapshots.
#include "dynamo/router/replica_sync.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

constexpr std::size_t part_requests_max = 128;
constexpr std::size_t part_blocks_max = 8192;
/// Of unfinished snapshots of all routers; 8 MB.
constexpr std::size_t named_max = 1'048'576;
/// Between questions while we lose requests to our own limits.
constexpr int full_pause_intervals = 32;
/// What a peer says beyond it is taken for this; time points stay valid.
constexpr std::chrono::milliseconds age_max = std::chrono::hours{24 * 365};

} // namespace

bool replica_sync::apply(const sequence_state& said, active_sequences& requests,
                         clock::time_point now) {
  now_ = std::max(now_, now);
  if (said.router_id == router_id_) {
    ++counts_.own_ignored;
    return false;
  }
  if (is_ignored(said.router_id)) {
    ++counts_.late_ignored;
    return false;
  }
  replica_peer* peer = known_peer(said.router_id, requests);
  if (peer == nullptr)
    return false;
  peer->heard = now_;
  const statement by{said.router_id, *peer, requests};
  return std::visit([&](const auto& what) { return take(by, what); },
                    said.data);
}

// -- Summaries

bool replica_sync::take(const statement& by, const sequence_summary& summary) {
  replica_peer& peer = by.peer;
  peer.summarises = true;
  follow(by.router_id, by.requests);
  const std::uint64_t said = digest_of_all(summary.requests, summary.digest);
  const bool holds =
      peer.gap ? said == peer.trail.current() : peer.trail.holds(said, now_);
  if (holds) {
    agree(by);
    return false;
  }
  peer.agrees = false;
  peer.expected = said;
  ++peer.disagreements;
  ++counts_.disagreements;
  const bool is_late_joiner =
      !peer.settled && by.requests.size(by.router_id) == 0;
  if (peer.gap || is_late_joiner || peer.disagreements >= 2)
    want(by);
  return false;
}

void replica_sync::agree(const statement& by) {
  by.peer.agrees = true;
  by.peer.settled = true;
  by.peer.gap = false;
  by.peer.disagreements = 0;
  by.peer.expected.reset();
  by.requests.touch_all(by.router_id, now_);
}

void replica_sync::want(const statement& by) {
  replica_peer& peer = by.peer;
  const bool comes = peer.snapshot && now_ - peer.snapshot->heard < interval();
  // Half, since summaries do not come at exactly their interval. What our
  // limits do not let us hold, no snapshot will bring: then rarely.
  const std::uint64_t evicted = by.requests.counts().evicted;
  const clock::duration pause = evicted == peer.evicted_when_asked
                                    ? interval() / 2
                                    : full_pause_intervals * interval();
  const bool asked = peer.asked && now_ - *peer.asked < pause;
  const sequence_state question{router_id_, sequence_wanted{by.router_id}};
  if (comes || asked || std::ranges::find(states_, question) != states_.end())
    return;
  peer.asked = now_;
  peer.evicted_when_asked = evicted;
  states_.push_back(question);
  ++counts_.snapshots_wanted;
}

// -- Our snapshots

bool replica_sync::take(const statement& by, const sequence_wanted& wanted) {
  if (wanted.owner == router_id_) {
    wanted_ = true;
    answer(by.requests);
  }
  return false;
}

void replica_sync::answer(const active_sequences& requests) {
  if (!wanted_ || (snapshot_sent_ && now_ - *snapshot_sent_ < interval()))
    return;
  const bool is_waiting = std::ranges::any_of(states_, [](const auto& each) {
    return std::holds_alternative<sequence_snapshot>(each.data);
  });
  if (is_waiting)
    return;
  wanted_ = false;
  snapshot_sent_ = now_;

  std::vector<sequence_snapshot> parts(1);
  std::size_t blocks = 0;
  requests.visit(
      router_id_, now_,
      [&](const booking& request, const booking_state& state) {
        const std::size_t more =
            request.sequence ? request.sequence->size() : 0;
        const std::size_t count = parts.back().requests.size();
        if (count >= part_requests_max ||
            (count > 0 && blocks + more > part_blocks_max)) {
          parts.emplace_back();
          blocks = 0;
        }
        blocks += more;
        parts.back().requests.push_back(
            {.added = added_event(request),
             .prefill_completed = state.prefill_completed,
             .age = std::chrono::duration_cast<std::chrono::milliseconds>(
                 state.age)});
      });
  if (parts.size() > snapshot_parts_max) {
    ++counts_.snapshots_dropped;
    return;
  }
  ++snapshot_number_;
  ++counts_.snapshots_sent;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].number = snapshot_number_;
    parts[i].part = static_cast<std::uint32_t>(i);
    parts[i].parts = static_cast<std::uint32_t>(parts.size());
    states_.push_back({router_id_, std::move(parts[i])});
  }
}

// -- Snapshots of others

bool replica_sync::take(const statement& by, const sequence_snapshot& part) {
  replica_peer& peer = by.peer;
  peer.summarises = true;
  if (part.part >= part.parts || part.parts > snapshot_parts_max ||
      !begins(peer, part)) {
    ++counts_.late_ignored;
    return false;
  }
  snapshot_progress& progress = *peer.snapshot;
  if (progress.seen[part.part])
    return false;
  progress.seen[part.part] = true;
  progress.heard = now_;
  --progress.missing;

  bool went_on = false;
  for (const tracked_request& tracked : part.requests)
    went_on |= take_tracked(by, tracked);
  if (named_ + part.requests.size() > named_max) {
    drop_snapshot(peer);
    return went_on;
  }
  named_ += part.requests.size();
  for (const tracked_request& tracked : part.requests)
    progress.named.push_back(text_hash(tracked.added.request_id));
  if (progress.missing == 0) {
    went_on |= take_away_unnamed(by);
    ++counts_.snapshots_applied;
    peer.applied_number = part.number;
    peer.applied = now_;
    peer.settled = true;
    peer.gap = false;
    named_ -= progress.named.size();
    peer.snapshot.reset();
  }
  follow(by.router_id, by.requests);
  return went_on;
}

/// Whether a part belongs to the snapshot that is being applied, which is a
/// new one when it comes after those before.
bool replica_sync::begins(replica_peer& peer, const sequence_snapshot& part) {
  // A number that is lower much later is that of a router that began anew.
  if (peer.applied_number && part.number <= *peer.applied_number &&
      now_ - peer.applied < memory())
    return false;
  if (peer.snapshot && peer.snapshot->number >= part.number)
    return peer.snapshot->number == part.number &&
           peer.snapshot->seen.size() == part.parts;
  drop_snapshot(peer);
  peer.snapshot = snapshot_progress{.number = part.number,
                                    .heard = now_,
                                    .seen = std::vector<bool>(part.parts),
                                    .missing = part.parts,
                                    .named = {}};
  return true;
}

bool replica_sync::take_tracked(const statement& by,
                                const tracked_request& tracked) {
  const std::string& id = tracked.added.request_id;
  const auto* added = std::get_if<add_request>(&tracked.added.data);
  if (added == nullptr)
    return false;
  if (ended_.contains(digest_of_all(by.router_id, text_hash(id)))) {
    ++counts_.late_ignored;
    return false;
  }
  booking request = booking_of(tracked.added, *added);
  request.router_id = by.router_id;
  const auto known = by.requests.state_of(by.router_id, id, now_);
  const bool is_same = known && known->fingerprint == fingerprint(request);
  const bool is_settled = !known || known->unchanged >= interval();
  if (is_same && (known->prefill_completed == tracked.prefill_completed ||
                  (known->prefill_completed && !is_settled))) {
    by.requests.touch(by.router_id, id, now_);
    return false;
  }
  if (!is_same && !is_settled)
    return false; // An event may have come after the snapshot was made.
  if (!is_same || known->prefill_completed)
    by.requests.add(std::move(request), now_,
                    std::clamp(tracked.age, age_max.zero(), age_max));
  if (tracked.prefill_completed)
    by.requests.mark_prefill_completed(by.router_id, id, now_);
  ++counts_.repaired;
  return known.has_value();
}

bool replica_sync::take_away_unnamed(const statement& by) {
  std::vector<std::uint64_t>& named = by.peer.snapshot->named;
  std::ranges::sort(named);
  std::vector<std::pair<std::string, std::uint64_t>> unnamed;
  by.requests.visit(
      by.router_id, now_,
      [&](const booking& request, const booking_state& state) {
        if (state.unchanged >= interval() &&
            !std::ranges::binary_search(named, text_hash(request.request_id)))
          unnamed.emplace_back(request.request_id, state.fingerprint);
      });
  for (const auto& [id, print] : unnamed) {
    by.requests.free(by.router_id, id, now_);
    ended_.add(digest_of_all(by.router_id, text_hash(id)), print, now_);
  }
  counts_.repaired += unnamed.size();
  return !unnamed.empty();
}

void replica_sync::drop_snapshot(replica_peer& peer) {
  if (!peer.snapshot)
    return;
  named_ -= peer.snapshot->named.size();
  peer.snapshot.reset();
  ++counts_.snapshots_dropped;
}

} // namespace dynamo
