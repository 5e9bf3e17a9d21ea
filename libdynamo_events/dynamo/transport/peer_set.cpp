#include "dynamo/transport/peer_set.hpp"

namespace dynamo {

peer_set::peer_set(const peer_set_limits& limits, std::uint64_t seed)
    : limits_(limits)
    , seed_(seed) {}

want_outcome peer_set::want(subscription_id id, const peer& remote,
                            time_point now) {
  const key where{id, remote.publisher_id};
  const auto found = entries_.find(where);
  if (found == entries_.end()) {
    std::size_t& size = sizes_[id];
    if (size >= limits_.peers_max) {
      ++refused_;
      return want_outcome::refused;
    }
    ++size;
    const auto added = entries_.emplace(where, new_entry(where, remote)).first;
    schedule(added, now);
    return want_outcome::added;
  }

  entry& known = found->second;
  if (known.status.remote == remote) {
    return want_outcome::unchanged;
  }
  known.status.remote = remote;
  known.status.state = connection_state::connecting;
  known.status.reason.clear();
  known.was_connected = false;
  known.unanswered = false;
  known.delays.reset();
  schedule(found, now);
  return want_outcome::moved;
}

peer_set::entry peer_set::new_entry(const key& where,
                                    const peer& remote) const {
  // Peers that were lost together must not draw the same delays.
  entry made{.delays =
                 backoff{limits_.delay, seed_ ^ where.first ^ where.second}};
  made.status.remote = remote;
  return made;
}

bool peer_set::drop(subscription_id id, std::uint64_t publisher_id) {
  const auto found = entries_.find({id, publisher_id});
  if (found == entries_.end()) {
    return false;
  }
  schedule(found, std::nullopt);
  entries_.erase(found);
  if (--sizes_[id] == 0) {
    sizes_.erase(id);
  }
  return true;
}

void peer_set::drop_all(subscription_id id) {
  for (const peer_status& one : peers(id)) {
    drop(id, one.remote.publisher_id);
  }
}

bool peer_set::on_change(const connection_change& change, time_point now) {
  const auto found =
      entries_.find({change.subscription, change.remote.publisher_id});
  if (found == entries_.end() || found->second.status.remote != change.remote) {
    return false;
  }
  switch (change.state) {
  case connection_state::connecting:
    break;
  case connection_state::connected:
    on_connected(found, now);
    break;
  case connection_state::lost:
  case connection_state::failed:
    on_broken(found, change, now);
    break;
  }
  return true;
}

void peer_set::on_connected(entries::iterator at, time_point now) {
  entry& known = at->second;
  if (known.status.state == connection_state::connected) {
    return;
  }
  if (known.was_connected) {
    ++known.status.reconnects;
  }
  known.was_connected = true;
  known.connected_at = now;
  known.unanswered = false;
  known.status.state = connection_state::connected;
  known.status.reason.clear();
  schedule(at, std::nullopt);
}

void peer_set::on_broken(entries::iterator at, const connection_change& change,
                         time_point now) {
  entry& known = at->second;
  const bool was_up = known.status.state == connection_state::connected;
  if (was_up && now - known.connected_at >= limits_.delay.initial) {
    known.delays.reset();
  }
  if (change.state == connection_state::failed) {
    ++known.status.failures;
  }
  known.unanswered = false;
  known.status.state = change.state;
  known.status.reason = change.reason;
  schedule(at, now + known.delays.next());
}

std::vector<connect_attempt> peer_set::due(time_point now) {
  std::vector<connect_attempt> attempts;
  while (!schedule_.empty() && schedule_.begin()->first <= now) {
    const auto at = entries_.find(schedule_.begin()->second);
    entry& known = at->second;
    if (known.unanswered) {
      ++known.status.failures;
    }
    known.unanswered = true;
    known.status.state = connection_state::connecting;
    attempts.push_back({at->first.first, known.status.remote});
    schedule(at, now + limits_.connect_deadline);
  }
  return attempts;
}

std::optional<peer_set::time_point> peer_set::next_due() const {
  if (schedule_.empty()) {
    return std::nullopt;
  }
  return schedule_.begin()->first;
}

void peer_set::restart(time_point now) {
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    at->second.status.state = connection_state::connecting;
    at->second.status.reason.clear();
    at->second.delays.reset();
    at->second.unanswered = false;
    schedule(at, now);
  }
}

const peer_status* peer_set::find(subscription_id id,
                                  std::uint64_t publisher_id) const {
  const auto found = entries_.find({id, publisher_id});
  return found == entries_.end() ? nullptr : &found->second.status;
}

std::vector<peer_status> peer_set::peers(subscription_id id) const {
  std::vector<peer_status> found;
  for (auto at = entries_.lower_bound({id, 0});
       at != entries_.end() && at->first.first == id; ++at) {
    found.push_back(at->second.status);
  }
  return found;
}

void peer_set::schedule(entries::iterator at, std::optional<time_point> due) {
  entry& known = at->second;
  if (known.due) {
    schedule_.erase({*known.due, at->first});
  }
  known.due = due;
  if (due) {
    schedule_.insert({*due, at->first});
  }
}

} // namespace dynamo
