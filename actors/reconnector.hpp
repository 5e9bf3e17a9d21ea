#pragma once

#include "actors/messages.hpp"
#include "actors/surroundings.hpp"
#include "dynamo/transport/link_schedule.hpp"
#include "dynamo/transport/peer_set.hpp"

#include <map>
#include <optional>

namespace dynamo::actors {

/// Keeps everything connected that somebody wants, peers of direct ZMQ and the
/// connection to NATS: owns the schedule of attempts. The algorithms stand in
/// transport/peer_set and transport/link_schedule.
///
/// receives  want_peer, drop_peer (subscribers); connection_changed,
///           want_link, link_changed (bridge); parts_started; retry_due
///           (itself)
/// sends     connect_peer, disconnect_peer, connect_link; connection_changed
/// owns      the desired peers and all delays
/// failure   when it is started again, subscribers and bridge tell it anew what
///           they want
class reconnector final : public caf::event_based_actor {
 public:
  reconnector(caf::actor_config& config, const surroundings& around);

  caf::behavior make_behavior() override;
  const char* name() const override { return "reconnector"; }
  void on_exit() override;

 private:
  void on_want_peer(const want_peer& command);
  void on_drop_peer(const drop_peer& command);
  void on_connection_changed(const connection_changed& fact);
  void on_want_link(const want_link& command);
  void on_link_changed(const link_changed& fact);
  void on_parts_started(const parts_started& fact);
  void on_retry_due();
  void on_subscriber_down(const caf::actor_addr& who);

  void connect_what_is_due();
  void say_why_not(const link_change& change);

  const surroundings& around_;
  seam::down_watch watch_;
  peer_set peers_;
  link_schedule link_;
  /// When the log last said why there is no connection to NATS.
  std::optional<clock::time_point> said_at_;
  link_state said_of_ = link_state::closed;
  std::map<subscription_id, caf::actor> subscribers_;
  caf::actor bridge_;
  std::optional<clock::time_point> timer_;
};

} // namespace dynamo::actors
