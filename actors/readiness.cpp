#include "actors/readiness.hpp"

namespace dynamo::actors {

namespace {

std::string no_broker_text(const link_change& change) {
  const std::string why = change.reason.empty() ? "" : ": " + change.reason;
  const std::string where = change.server.empty() ? "" : " at " + change.server;
  switch (change.state) {
  case link_state::reconnecting:
    return "lost the connection to every ZMQ broker" + where + why;
  case link_state::draining:
  case link_state::closed:
    return "the connections to ZMQ brokers are closed" + why;
  case link_state::authentication_failed:
  case link_state::connecting:
  case link_state::connected:
    break;
  }
  return "waiting for a ZMQ broker" + where + why +
         "; start one (dynamo-broker), name others (DYN_ZMQ_BROKER_URL), or "
         "use direct ZMQ (without DYN_ZMQ_BROKER_URL and "
         "DYN_ZMQ_BROKER_ENABLED)";
}

} // namespace

std::string no_link_text(const link_change& change, transport_kind transport) {
  if (transport == transport_kind::zmq) {
    return no_broker_text(change);
  }
  const std::string why = change.reason.empty() ? "" : ": " + change.reason;
  switch (change.state) {
  case link_state::authentication_failed:
    return "NATS server " + change.server + " refuses the credentials" + why +
           "; check NATS_AUTH_* or the keys nats.username and the like";
  case link_state::reconnecting:
    return "lost the connection to NATS server " + change.server + why;
  case link_state::draining:
  case link_state::closed:
    return "the connection to NATS is " +
           std::string{dynamo::to_string(change.state)} + why;
  case link_state::connecting:
  case link_state::connected:
    break;
  }
  if (change.is_reached) {
    return "cannot connect to NATS server " + change.server + why;
  }
  return "waiting for a NATS server at " + change.server + why +
         "; start one (nats-server --port 4222), name another (NATS_SERVER), "
         "or use direct ZMQ (--event-plane zmq or DYN_EVENT_PLANE=zmq)";
}

status readiness_of(const plane_status& report) {
  const auto missing = [](std::string what) {
    return error{errc::unavailable, std::move(what)};
  };
  if (!report.running) {
    return missing("the event plane has ended");
  }
  if (report.link && report.link->is_wanted &&
      report.link->state != link_state::connected) {
    link_change change;
    change.state = report.link->state;
    change.server = report.link->server;
    change.reason = report.link->reason;
    change.is_reached = report.link->is_reached;
    return missing(no_link_text(change, report.transport));
  }
  return ok();
}

} // namespace dynamo::actors
