#pragma once

#include "actors/messages.hpp"
#include "actors/stream_follower.hpp"
#include "actors/surroundings.hpp"

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dynamo::actors {

/// One subscription: steps 4 to 7 of the receive path. It follows every
/// publisher of its scope and topic, those that discovery knows or, with a
/// server between, all that speak; drains the inbox that the transport fills,
/// and hands events and notices to its consumer.
///
/// receives  messages_waiting (inbox); records_changed (watcher);
///           connection_changed (reconnector); link_changed (bridge);
///           events_handled (consumer); parts_started (supervisor);
///           report_subscription
/// sends     open_subscription; watch_bucket; want_peer, drop_peer;
///           events_received, notice_received
/// owns      the stream_follower
/// failure   a consumer that is slow lets the inbox fill up to its limit; what
///           the inbox drops is counted and shows as a gap
class subscriber final : public caf::event_based_actor {
 public:
  subscriber(caf::actor_config& config,
             std::shared_ptr<const subscription_plan> plan,
             const surroundings& around);

  caf::behavior make_behavior() override;
  const char* name() const override { return "subscriber"; }
  void on_exit() override;

 private:
  void open(subscription_id id, const std::string& subject);
  void on_messages_waiting();
  void on_records_changed(const records_changed& fact);
  void on_connection_changed(const connection_changed& fact);
  void on_link_changed(const link_changed& fact);
  void on_parts_started(const parts_started& fact);
  subscription_status on_report() const;

  enum class drain_outcome { empty, more, held };
  drain_outcome drain_batch();
  std::optional<peer> peer_of(const record& value) const;
  void on_record(const discovery_change& change);
  void drop_all_but(const records_changed& fact);
  void act(stream_follower::peer_action action, const peer& remote);
  void deliver();
  void deliver_to_functions(std::span<const delivery> due);
  void deliver_to_actor(std::span<delivery> due);
  void send_events(std::vector<received_event> events);

  std::shared_ptr<const subscription_plan> plan_;
  const surroundings& around_;
  admission admission_;
  bucket records_;
  std::string subject_v1_3_;
  stream_follower follower_;
  caf::actor bridge_;
  caf::actor reconnector_;
  caf::actor watcher_;
  /// What was taken from the inbox; kept for its memory.
  std::vector<inbox_item<wire_message>> taken_;
  std::vector<delivery> deliveries_;
  /// Publisher ids by the key of their record: a deletion names only the key.
  std::map<std::string, std::uint64_t> publisher_of_key_;
  bool knows_publishers_ = false;
  /// Batches at the consumer actor without an answer.
  std::size_t unanswered_ = 0;
};

} // namespace dynamo::actors
