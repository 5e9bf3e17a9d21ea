#pragma once

#include "actors/messages.hpp"
#include "actors/surroundings.hpp"
#include "dynamo/transport/peer_set.hpp"

#include <map>
#include <optional>

namespace dynamo::actors {

/// Keeps every peer connected that a subscriber wants: owns the schedule of
/// attempts, which never ends. The algorithm stands in transport/peer_set.
///
/// receives  want_peer, drop_peer (subscribers); connection_changed (bridge);
///           parts_started; retry_due (itself)
/// sends     connect_peer, disconnect_peer; connection_changed
/// owns      the desired peers and their delays
/// failure   when it is started again, subscribers tell it anew what they want
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
  void on_parts_started(const parts_started& fact);
  void on_retry_due();
  void on_subscriber_down(const caf::actor_addr& who);

  void connect_what_is_due();

  const surroundings& around_;
  seam::down_watch watch_;
  peer_set peers_;
  std::map<subscription_id, caf::actor> subscribers_;
  caf::actor bridge_;
  std::optional<clock::time_point> timer_;
};

} // namespace dynamo::actors
