#pragma once

#include "actors/messages.hpp"

#include <map>
#include <memory>

namespace dynamo::actors {

/// What a bridge drives, and what must survive it: the sockets. Owned by the
/// supervisor, used by one bridge at a time; a bridge that is started again
/// finds every sender bound and every subscription connected.
struct zmq_resources {
  struct open_one {
    /// Shared with its publisher, which alone uses it.
    std::shared_ptr<sender> out;
    caf::actor publisher;
  };

  /// Declared first, destroyed last.
  std::unique_ptr<transport> link;
  std::map<std::uint64_t, open_one> senders;
  std::map<subscription_id, caf::actor> subscriptions;
  std::shared_ptr<connection_inbox> changes;
  std::shared_ptr<doorbell> bell = std::make_shared<doorbell>();
};

/// Owns the transport whose peers connect to each other: makes the senders of
/// publishers, which then send by themselves, and passes every command to the
/// receiver.
///
/// receives  open_sender, close_sender (publishers);
///           open_subscription (subscribers); connect_peer, disconnect_peer
///           (reconnector); connections_waiting (transport); parts_started
/// sends     sender_opened, sender_failed, subscribers_changed;
///           connection_changed
/// owns      nothing that must survive it, see zmq_resources
/// failure   a command that cannot be carried out is answered; a publisher or
///           subscriber that dies takes its socket or subscription along
class zmq_bridge final : public caf::event_based_actor {
 public:
  zmq_bridge(caf::actor_config& config, zmq_resources& resources);

  caf::behavior make_behavior() override;
  const char* name() const override { return "zmq_bridge"; }
  void on_exit() override;

 private:
  void on_open_sender(const open_sender& command);
  void on_close_sender(const close_sender& command);
  void on_open_subscription(const open_subscription& command);
  void on_connect_peer(const connect_peer& command);
  void on_disconnect_peer(const disconnect_peer& command);
  void on_connections_waiting();
  void on_parts_started(const parts_started& fact);
  void on_tick();
  void on_owner_down(const caf::actor_addr& owner);

  void tell_stirred_publishers();
  void tell_all_publishers();

  zmq_resources& resources_;
  seam::down_watch owners_;
  caf::actor reconnector_;
};

} // namespace dynamo::actors
