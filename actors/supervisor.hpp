#pragma once

#include "actors/compose.hpp"
#include "actors/messages.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dynamo::actors {

/// The root of the tree: starts every part, starts a part again that died, and
/// ends them in the right order.
///
/// receives  start_publisher, start_subscriber, stop_plane, report_children
/// sends     parts_started to everybody whenever a part is new; close_publisher
/// owns      the handles of all parts; the sockets and the store that must
///           survive them stand in plane_parts
/// failure   a part that dies more often than supervisor_options allow stays
///           dead when it is a publisher or a subscriber, and ends the plane
///           when everybody needs it
class supervisor final : public caf::event_based_actor {
 public:
  supervisor(caf::actor_config& config, plane_parts& parts);

  caf::behavior make_behavior() override;
  const char* name() const override { return "supervisor"; }
  void on_exit() override;

 private:
  enum class role {
    bridge,
    reconnector,
    watcher,
    publisher,
    subscriber,
    observer,
  };

  static std::string_view to_string(role what);
  /// Whether everybody needs it.
  static bool is_core(role what);

  struct child {
    role what;
    std::function<caf::actor()> spawn;
    caf::actor actor;
    std::deque<clock::time_point> deaths;
  };

  void on_start_publisher(const start_publisher& command);
  void on_start_subscriber(const start_subscriber& command);
  void on_start_observer(const start_observer& command);
  void on_stop_plane(const stop_plane& command);
  children_report on_report() const;
  void on_restart_due(const restart_due& timer);
  void on_down(const caf::actor_addr& who, bool orderly);
  void on_flush_over();

  void add(role what, std::function<caf::actor()> spawn);
  void add_and_start(role what, std::function<caf::actor()> spawn);
  void start(std::size_t index);
  void introduce(std::size_t index);
  void lose(child& one, std::size_t index);
  void end_publishers_then_rest();
  const caf::actor& part(role what) const;

  plane_parts& parts_;
  seam::down_watch watch_;
  std::vector<child> children_;
  /// Of publishers and subscriptions, to be silenced at the end.
  std::vector<std::shared_ptr<doorbell>> bells_;
  std::uint64_t restarts_ = 0;
  bool stopping_ = false;
};

} // namespace dynamo::actors
