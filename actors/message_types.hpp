#pragma once

// The tail of actors/messages.hpp: which of its types are messages. CAF 1.x
// wants a number for each of them; 0.17 takes them gladly. None ever leaves
// the process, so none can be serialised.

#include "actors/caf_seam.hpp"
#include "actors/messages.hpp"
#include "actors/router_messages.hpp"

#define DYNAMO_ACTOR_MESSAGES(X)                                               \
  X(events_waiting)                                                            \
  X(open_sender)                                                               \
  X(sender_opened)                                                             \
  X(sender_failed)                                                             \
  X(subscribers_changed)                                                       \
  X(close_sender)                                                              \
  X(batch_sent)                                                                \
  X(batch_unheard)                                                             \
  X(sender_changed)                                                            \
  X(reports_waiting)                                                           \
  X(want_link)                                                                 \
  X(connect_link)                                                              \
  X(link_changed)                                                              \
  X(hold_over)                                                                 \
  X(report_link)                                                               \
  X(link_status)                                                               \
  X(offer_due)                                                                 \
  X(look_again)                                                                \
  X(close_publisher)                                                           \
  X(messages_waiting)                                                          \
  X(open_subscription)                                                         \
  X(want_peer)                                                                 \
  X(drop_peer)                                                                 \
  X(connect_peer)                                                              \
  X(disconnect_peer)                                                           \
  X(connections_waiting)                                                       \
  X(connection_changed)                                                        \
  X(events_received)                                                           \
  X(events_handled)                                                            \
  X(notice_received)                                                           \
  X(records_waiting)                                                           \
  X(watch_bucket)                                                              \
  X(records_changed)                                                           \
  X(put_records)                                                               \
  X(records_put)                                                               \
  X(put_failed)                                                                \
  X(remove_records)                                                            \
  X(records_removed)                                                           \
  X(start_publisher)                                                           \
  X(start_subscriber)                                                          \
  X(start_observer)                                                            \
  X(parts_started)                                                             \
  X(retry_due)                                                                 \
  X(tick)                                                                      \
  X(restart_due)                                                               \
  X(stop_plane)                                                                \
  X(report_children)                                                           \
  X(children_report)                                                           \
  X(report_publisher)                                                          \
  X(publisher_status)                                                          \
  X(report_subscription)                                                       \
  X(subscription_status)                                                       \
  X(report_watcher)                                                            \
  X(watcher_status)                                                            \
  X(choose_worker)                                                             \
  X(worker_chosen)                                                             \
  X(request_prefilled)                                                         \
  X(request_ended)                                                             \
  X(request_noted)                                                             \
  X(request_grew)                                                              \
  X(share_lookup)                                                              \
  X(lookup_shared)                                                             \
  X(report_router)                                                             \
  X(pool_shown)                                                                \
  X(report_requests)                                                           \
  X(pool_requests)                                                             \
  X(sync_due)                                                                  \
  X(report_index)                                                              \
  X(index_report)

#define DYNAMO_TYPE_ID(name)                                                   \
  CAF_ADD_TYPE_ID(dynamo_actors, (dynamo::actors::name))
#define DYNAMO_LOCAL_ONLY(name)                                                \
  CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dynamo::actors::name)

CAF_BEGIN_TYPE_ID_BLOCK(dynamo_actors, first_custom_type_id)
DYNAMO_ACTOR_MESSAGES(DYNAMO_TYPE_ID)
CAF_END_TYPE_ID_BLOCK(dynamo_actors)

DYNAMO_ACTOR_MESSAGES(DYNAMO_LOCAL_ONLY)

namespace dynamo::actors::seam {

/// To be called before an actor_system_config is made; any number of times.
inline void init_types() {
#if CAF_MAJOR_VERSION >= 1
  caf::init_global_meta_objects<caf::id_block::dynamo_actors>();
  caf::core::init_global_meta_objects();
#endif
}

} // namespace dynamo::actors::seam
