#pragma once

#include "actors/broker_directory.hpp"
#include "actors/messages.hpp"
#include "actors/surroundings.hpp"

#include <map>
#include <memory>

namespace dynamo::actors {

/// What a bridge drives, and what must survive it: the connection and what is
/// known of it. Owned by the supervisor, used by one bridge at a time.
struct link_resources {
  /// Declared first, destroyed last.
  std::shared_ptr<shared_link> link;
  std::map<std::uint64_t, caf::actor> publishers;
  std::map<subscription_id, caf::actor> subscriptions;
  /// With brokers that are found through discovery.
  std::shared_ptr<broker_directory> brokers;
  std::shared_ptr<link_inbox> reports;
  std::shared_ptr<doorbell> bell = std::make_shared<doorbell>();
  /// The last change, and whether an attempt failed before it.
  link_change last;
  bool had_outage = false;
  /// Whether publishers send: connected, and the hold is over.
  bool is_open = false;
};

/// Owns the connection to NATS or to brokers of ZMQ, which publishers are
/// given: when they may send, and what the server answers.
///
/// receives  open_sender, close_sender (publishers); open_subscription
///           (subscribers); connect_link (reconnector); reports_waiting (link);
///           hold_over (itself); parts_started; report_link
/// sends     sender_opened, sender_changed, batch_sent, batch_unheard;
///           want_link, link_changed
/// owns      nothing that must survive it, see link_resources
/// failure   batches whose connection broke are answered by sender_changed and
///           sent again by their publisher; a publisher or subscriber that
///           dies is forgotten
class link_bridge final : public caf::event_based_actor {
 public:
  link_bridge(caf::actor_config& config, link_resources& resources,
              const surroundings& around);

  caf::behavior make_behavior() override;
  const char* name() const override { return "link_bridge"; }
  void on_exit() override;

 private:
  void on_open_sender(const open_sender& command);
  void on_close_sender(const close_sender& command);
  void on_open_subscription(const open_subscription& command);
  void on_connect_link();
  void on_reports_waiting();
  void on_link_change(const link_change& change);
  void on_outcome(const link_outcome& outcome);
  void on_hold_over(const hold_over& timer);
  void on_parts_started(const parts_started& fact);
  void on_owner_down(const caf::actor_addr& owner);
  link_status on_report() const;

  void begin_hold();
  void set_open(bool is_open);
  sender_changed picture_for(std::uint64_t publisher_id) const;
  void want();

  link_resources& resources_;
  const surroundings& around_;
  seam::down_watch owners_;
  caf::actor reconnector_;
};

} // namespace dynamo::actors
