// Receive path, steps 5 and 6: the envelope is decoded, its number compared
// with the one that is due, and its payload turned into a typed event.

#include "actors/stream_follower.hpp"

#include "dynamo/wire/envelope_codec.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace dynamo::actors {

namespace {

constexpr std::size_t departed_max = 4096;

/// The envelope inside a message, when it says the same as the message around
/// it: a publisher that contradicts itself is not believed.
result<envelope> open_envelope(const wire_message& message,
                               std::string_view topic) {
  auto inside = decode_envelope(message.envelope);
  if (!inside) {
    return inside;
  }
  if (inside->publisher_id != message.publisher_id ||
      inside->sequence != message.sequence || inside->topic != topic) {
    return error{errc::malformed,
                 "envelope: expected publisher " +
                     std::to_string(message.publisher_id) + ", sequence " +
                     std::to_string(message.sequence) + ", topic " +
                     std::string{topic} + ", got " +
                     std::to_string(inside->publisher_id) + ", " +
                     std::to_string(inside->sequence) + ", " +
                     std::string{inside->topic}};
  }
  return inside;
}

} // namespace

stream_follower::stream_follower(std::string topic, std::size_t publishers_max,
                                 admission who, unreadable_policy bad_events)
    : topic_(std::move(topic))
    , publishers_max_(publishers_max)
    , admission_(who)
    , bad_events_(bad_events) {}

// -- Publishers come and go

stream_follower::peer_action
stream_follower::found(const peer& remote, std::vector<delivery>& out,
                       wire_generation generation) {
  stream* one = find(remote.publisher_id);
  if (one == nullptr) {
    one = make_room_for(remote.publisher_id);
    if (one == nullptr) {
      return peer_action::none;
    }
  }
  const bool moved = one->remote.endpoint != remote.endpoint;
  const bool joined = !one->discovered;
  const bool idle = one->connection == connection_state::lost ||
                    one->connection == connection_state::failed;
  const bool first = one->remote.publisher_id == 0;
  one->discovered = true;
  one->remote = remote;
  one->generation = generation;
  if (moved || joined) {
    out.push_back(
        stream_notice{publisher_joined{remote.publisher_id, remote.endpoint}});
  }
  if (admission_ == admission::anybody) {
    set_connection(*one, link_, link_reason_, out);
    return peer_action::none;
  }
  if (moved || first || (joined && idle)) {
    one->connection = connection_state::connecting;
    return peer_action::connect;
  }
  return peer_action::none;
}

stream_follower::peer_action stream_follower::gone(std::uint64_t publisher_id,
                                                   std::vector<delivery>& out) {
  stream* one = find(publisher_id);
  if (one == nullptr || !one->discovered) {
    return peer_action::none;
  }
  one->discovered = false;
  out.push_back(stream_notice{publisher_left{publisher_id}});
  if (admission_ == admission::anybody) {
    retire(publisher_id);
    return peer_action::none;
  }
  if (one->connection == connection_state::connected) {
    return peer_action::none;
  }
  retire(publisher_id);
  return peer_action::drop;
}

stream_follower::peer_action
stream_follower::connection(const connection_change& change,
                            std::vector<delivery>& out) {
  stream* one = find(change.remote.publisher_id);
  if (one == nullptr || one->remote != change.remote) {
    return peer_action::none;
  }
  set_connection(*one, change.state, change.reason, out);
  if (!one->discovered && one->connection != connection_state::connected) {
    retire(change.remote.publisher_id);
    return peer_action::drop;
  }
  return peer_action::none;
}

void stream_follower::link(connection_state state, const std::string& reason,
                           std::vector<delivery>& out) {
  link_ = state;
  link_reason_ = reason;
  for (auto& [id, one] : streams_) {
    set_connection(one, state, reason, out);
  }
}

void stream_follower::set_connection(stream& one, connection_state state,
                                     const std::string& reason,
                                     std::vector<delivery>& out) {
  if (state == one.connection) {
    return;
  }
  one.connection = state;
  out.push_back(
      stream_notice{stream_connection{one.remote.publisher_id, state, reason}});
  if (state == connection_state::connected) {
    one.reconnects += one.was_connected ? 1 : 0;
    one.was_connected = true;
  }
}

/// A place among the streams, with what is remembered of the publisher; null
/// when there is none. Publishers that discovery never knew, and that nobody
/// will say are gone, make room: the one that was silent longest.
stream_follower::stream*
stream_follower::make_room_for(std::uint64_t publisher_id) {
  if (streams_.size() >= publishers_max_) {
    const auto silent = std::min_element(
        streams_.begin(), streams_.end(),
        [](const auto& left, const auto& right) {
          return std::tuple{left.second.discovered, left.second.last_event} <
                 std::tuple{right.second.discovered, right.second.last_event};
        });
    if (silent == streams_.end() || silent->second.discovered ||
        admission_ == admission::discovered) {
      ++refused_;
      return nullptr;
    }
    retire(silent->first);
  }
  stream& one = streams_[publisher_id];
  if (stream* before = find_departed(publisher_id)) {
    one = std::move(*before);
    departed_.erase(departed_.begin() + (before - &departed_.front()));
  }
  return &one;
}

std::vector<peer> stream_follower::wanted() const {
  std::vector<peer> peers;
  for (const auto& [id, one] : streams_) {
    if (one.discovered) {
      peers.push_back(one.remote);
    }
  }
  return peers;
}

// -- Messages

void stream_follower::take(const inbox_item<wire_message>& item,
                           clock::time_point now, std::vector<delivery>& out) {
  dropped_unplaced_ += item.dropped_before;
  const wire_message& message = item.value;
  stream* from = source_of(message.publisher_id, out);
  if (from == nullptr) {
    ++strangers_;
    return;
  }
  const auto unreadable = [&](const error& reason, std::uint64_t skipped = 0) {
    ++from->unreadable;
    from->skipped_events += skipped;
    from->partial = true;
    out.push_back(stream_notice{stream_unreadable{
        message.publisher_id, message.sequence, reason, skipped}});
  };
  const auto inside = open_envelope(message, topic_);
  const auto seen = from->tracker.observe(message.sequence,
                                          inside ? inside->published_at_ms : 0);
  from->last_event = now;
  if (!admit(*from, seen, message.sequence, out)) {
    return;
  }
  if (!inside) {
    unreadable(inside.error());
    return;
  }
  skipped_events skipped;
  auto value = read_payload(inside->payload, skipped);
  if (!value) {
    unreadable(value.error());
    return;
  }
  if (skipped.first_reason) {
    unreadable(*skipped.first_reason, skipped.count);
  }
  if (!subject_v1_3_.empty() && message.name->subject == subject_v1_3_) {
    from->generation = wire_generation::v1_3;
  }
  out.push_back(received_event{message.publisher_id, message.sequence,
                               inside->published_at_ms, *std::move(value),
                               from->generation});
}

result<event> stream_follower::read_payload(byte_view payload,
                                            skipped_events& skipped) const {
  const event_kind kind = event_kind_of(topic_);
  return bad_events_ == unreadable_policy::skip
             ? decode_event(kind, payload, skipped)
             : decode_event(kind, payload);
}

/// The stream that a message belongs to; null when it is not to be delivered.
stream_follower::stream*
stream_follower::source_of(std::uint64_t publisher_id,
                           std::vector<delivery>& out) {
  if (stream* known = find(publisher_id)) {
    return known;
  }
  // Its last messages may wait in the inbox when a publisher has left.
  if (stream* known = find_departed(publisher_id)) {
    return known;
  }
  if (admission_ == admission::discovered) {
    return nullptr;
  }
  stream* fresh = make_room_for(publisher_id);
  if (fresh != nullptr) {
    fresh->remote.publisher_id = publisher_id;
    set_connection(*fresh, link_, link_reason_, out);
  }
  return fresh;
}

/// Tells the consumer what a number means; false when its event is not to be
/// delivered.
bool stream_follower::admit(stream& from, const observation& seen,
                            std::uint64_t sequence,
                            std::vector<delivery>& out) {
  const std::uint64_t id = from.remote.publisher_id;
  switch (seen.what) {
  case arrival::next:
    return true;
  case arrival::gap: {
    const auto here = std::min(seen.missed, dropped_unplaced_);
    dropped_unplaced_ -= here;
    from.dropped_here += here;
    from.partial = true;
    out.push_back(stream_notice{stream_gap{id, seen.missed, here}});
    return true;
  }
  case arrival::restart:
    from.partial = false;
    out.push_back(stream_notice{stream_restarted{id}});
    return true;
  case arrival::duplicate:
    out.push_back(stream_notice{stream_duplicate{id, sequence}});
    return false;
  }
  return false;
}

// -- State

stream_follower::stream* stream_follower::find(std::uint64_t publisher_id) {
  const auto found = streams_.find(publisher_id);
  return found == streams_.end() ? nullptr : &found->second;
}

stream_follower::stream*
stream_follower::find_departed(std::uint64_t publisher_id) {
  const auto found = std::find_if(
      departed_.begin(), departed_.end(), [&](const stream& other) {
        return other.remote.publisher_id == publisher_id;
      });
  return found == departed_.end() ? nullptr : &*found;
}

void stream_follower::retire(std::uint64_t publisher_id) {
  const auto found = streams_.find(publisher_id);
  found->second.connection = connection_state::lost;
  departed_.push_back(std::move(found->second));
  streams_.erase(found);
  if (departed_.size() > departed_max) {
    departed_.erase(departed_.begin());
  }
}

stream_state stream_follower::state_of(const stream& one) const {
  if (one.tracker.counts().received == 0) {
    return stream_state::waiting;
  }
  const bool is_gone = admission_ == admission::discovered && !one.discovered;
  if (is_gone || one.connection != connection_state::connected) {
    return stream_state::stale;
  }
  return one.partial ? stream_state::partial : stream_state::in_sync;
}

stream_status stream_follower::status_of(const stream& one,
                                         clock::time_point now) const {
  stream_status report;
  report.publisher_id = one.remote.publisher_id;
  report.endpoint = one.remote.endpoint;
  report.connection = one.connection;
  report.state = state_of(one);
  report.discovered = one.discovered;
  report.partial = one.partial;
  report.counts = one.tracker.counts();
  report.dropped_here = one.dropped_here;
  report.unreadable = one.unreadable;
  report.skipped_events = one.skipped_events;
  report.reconnects = one.reconnects;
  if (one.last_event) {
    report.last_event_age =
        std::chrono::duration_cast<std::chrono::milliseconds>(now -
                                                              *one.last_event);
  }
  return report;
}

std::vector<stream_status>
stream_follower::report(clock::time_point now) const {
  std::vector<stream_status> all;
  for (const auto& [id, one] : streams_) {
    all.push_back(status_of(one, now));
  }
  for (const stream& one : departed_) {
    all.push_back(status_of(one, now));
  }
  return all;
}

} // namespace dynamo::actors
