#pragma once

#include "actors/message_writer.hpp"
#include "actors/messages.hpp"
#include "actors/surroundings.hpp"
#include "dynamo/base/backoff.hpp"

#include <memory>

namespace dynamo::actors {

/// One publisher incarnation: steps 2 to 4 of the publish path. It binds a
/// sender, registers, and then lets its outlet turn what waits in its buffer
/// into messages, beside the threads that publish: direct_outlet, or
/// link_outlet when a server is between.
///
/// receives  events_waiting (buffer); sender_opened, sender_failed,
///           subscribers_changed, batch_sent, batch_unheard, sender_changed
///           (bridge); records_put, put_failed,
///           records_removed (watcher); parts_started, close_publisher
///           (supervisor); report_publisher
/// sends     open_sender, close_sender; put_records, remove_records
/// owns      the publisher id and the sequence numbers
/// failure   binding and registering are retried for ever; when the bridge was
///           started again or has another connection, batches without an answer
///           are sent again (a reader drops what it has)
class publisher final : public caf::event_based_actor {
 public:
  publisher(caf::actor_config& config,
            std::shared_ptr<const publisher_plan> plan,
            const surroundings& around);

  caf::behavior make_behavior() override;
  const char* name() const override { return "publisher"; }
  void on_exit() override;

 private:
  enum class phase { opening, registering, running, closing, withdrawing };

  void on_events_waiting() { drain(); }
  void on_sender_opened(const sender_opened& fact);
  void on_sender_failed(const sender_failed& fact);
  void on_records_put();
  void on_put_failed(const put_failed& fact);
  void on_subscribers_changed();
  void on_batch_sent(const batch_sent& fact);
  void on_batch_unheard(const batch_unheard& fact);
  void on_sender_changed(const sender_changed& fact);
  void on_offer_due();
  void on_look_again();
  void on_parts_started(const parts_started& fact);
  void on_close();
  void on_records_removed();
  void on_retry_due();
  publisher_status on_report() const;

  void open();
  std::optional<event_channel> channel() const;
  void register_records();
  void retry(const error& reason, std::string_view what);
  void drain();
  void send_directly();
  void stand_back();
  void warn_of_loss(std::uint64_t sequence, const error& reason) const;
  void finish_closing();

  std::shared_ptr<const publisher_plan> plan_;
  const surroundings& around_;
  std::uint64_t publisher_id_;
  std::shared_ptr<const stream_name> name_;
  /// Until an outlet has it.
  message_writer writer_;
  backoff retry_delay_;
  caf::actor bridge_;
  caf::actor watcher_;
  phase phase_ = phase::opening;
  std::optional<std::string> endpoint_;
  bool advertised_ = false;
  /// Messages go out by direct_outlet, not by link_outlet.
  bool is_direct_ = false;
  /// One timer at a time, however often the connection changes meanwhile.
  bool offer_is_due_ = false;
  bool stands_back_ = false;
};

} // namespace dynamo::actors
