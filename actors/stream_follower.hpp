#pragma once

#include "actors/stream.hpp"
#include "dynamo/base/clock.hpp"
#include "dynamo/base/inbox.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/wire/event_codec.hpp"

#include <map>
#include <variant>
#include <vector>

namespace dynamo::actors {

/// What a message or a change becomes for the consumer, in its order.
using delivery = std::variant<received_event, stream_notice>;

/// Whose messages a subscription delivers.
enum class admission {
  /// Those of publishers that discovery knows: each has an address of its own.
  discovered,
  /// Those of everybody who publishes on the subject: a server is between, and
  /// discovery only tells who came and who left.
  anybody,
};

/// The bookkeeping of one subscription: which publishers it follows, what of
/// each arrived, and what of that the consumer has to hear. Pure.
class stream_follower {
 public:
  /// `bad_events` says what a message becomes of which one event cannot be
  /// read.
  stream_follower(std::string topic, std::size_t publishers_max,
                  admission who = admission::discovered,
                  unreadable_policy bad_events = unreadable_policy::fail);

  /// Who publishes on this subject does so in the form of 1.3.
  void tell_apart(std::string subject_v1_3) {
    subject_v1_3_ = std::move(subject_v1_3);
  }

  /// What to do about a record or a connection that changed.
  enum class peer_action { none, connect, drop };

  /// A publisher was found, or found with another endpoint.
  peer_action found(const peer& remote, std::vector<delivery>& out,
                    wire_generation generation = wire_generation::v1_4);

  /// A publisher's record is gone. A connection that lives is kept: discovery
  /// may be wrong, and what is on its way still arrives.
  peer_action gone(std::uint64_t publisher_id, std::vector<delivery>& out);

  peer_action connection(const connection_change& change,
                         std::vector<delivery>& out);

  /// The connection that all streams share changed; with `anybody` alone.
  void link(connection_state state, const std::string& reason,
            std::vector<delivery>& out);

  /// Steps 5 and 6 of the receive path: one message of the inbox. A message
  /// of which some events were skipped becomes a notice and an event.
  void take(const inbox_item<wire_message>& item, clock::time_point now,
            std::vector<delivery>& out);

  /// Publishers that discovery knows now.
  std::vector<peer> wanted() const;

  std::uint64_t refused_publishers() const { return refused_; }

  /// Messages of publishers that were never found; they are not delivered.
  std::uint64_t strangers() const { return strangers_; }

  /// Every publisher that is followed, then those that left, newest last.
  std::vector<stream_status> report(clock::time_point now) const;

 private:
  struct stream {
    peer remote;
    wire_generation generation = wire_generation::v1_4;
    bool discovered = false;
    bool partial = false;
    bool was_connected = false;
    connection_state connection = connection_state::connecting;
    stream_tracker tracker;
    std::uint64_t dropped_here = 0;
    std::uint64_t unreadable = 0;
    std::uint64_t skipped_events = 0;
    std::uint64_t reconnects = 0;
    std::optional<clock::time_point> last_event;
  };

  stream* find(std::uint64_t publisher_id);
  stream* source_of(std::uint64_t publisher_id, std::vector<delivery>& out);
  stream* make_room_for(std::uint64_t publisher_id);
  static void set_connection(stream& one, connection_state state,
                             const std::string& reason,
                             std::vector<delivery>& out);
  stream* find_departed(std::uint64_t publisher_id);
  result<event> read_payload(byte_view payload, skipped_events& skipped) const;
  bool admit(stream& from, const observation& seen, std::uint64_t sequence,
             std::vector<delivery>& out);
  void retire(std::uint64_t publisher_id);
  stream_state state_of(const stream& one) const;
  stream_status status_of(const stream& one, clock::time_point now) const;

  std::string topic_;
  std::string subject_v1_3_;
  std::size_t publishers_max_;
  admission admission_;
  unreadable_policy bad_events_;
  /// Of the shared connection.
  connection_state link_ = connection_state::connecting;
  std::string link_reason_;
  std::map<std::uint64_t, stream> streams_;
  /// Publishers that left, so that one that comes back is known again.
  std::vector<stream> departed_;
  std::uint64_t refused_ = 0;
  std::uint64_t strangers_ = 0;
  /// Messages that the inbox dropped and no gap has shown yet.
  std::uint64_t dropped_unplaced_ = 0;
};

} // namespace dynamo::actors
