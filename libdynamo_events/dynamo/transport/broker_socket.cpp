#include "dynamo/transport/broker_socket.hpp"

namespace dynamo {

namespace {

constexpr int reconnect_first_ms = 50;
constexpr int reconnect_max_ms = 2000;
/// A broker whose machine died without a word counts as gone after 15 s.
constexpr int heartbeat_ms = 5000;
constexpr int heartbeat_timeout_ms = 15'000;

} // namespace

status check_broker_endpoint(const std::string& endpoint) {
  if (endpoint.starts_with("tcp://") || endpoint.starts_with("ipc://")) {
    return ok();
  }
  return error{errc::invalid, "broker: expected tcp:// or ipc://, got \"" +
                                  endpoint.substr(0, 200) + '"'};
}

void set_broker_socket(zmq::socket_t& socket, const zmq_options& options) {
  const int timeout_ms = static_cast<int>(options.connect_timeout.count());
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::connect_timeout, timeout_ms);
  socket.set(zmq::sockopt::handshake_ivl, timeout_ms);
  socket.set(zmq::sockopt::reconnect_ivl, reconnect_first_ms);
  socket.set(zmq::sockopt::reconnect_ivl_max, reconnect_max_ms);
  socket.set(zmq::sockopt::heartbeat_ivl, heartbeat_ms);
  socket.set(zmq::sockopt::heartbeat_timeout, heartbeat_timeout_ms);
}

void note_signal(const peer_signal& signal, path_status& status) {
  if (signal.what == peer_signal::kind::connected) {
    status.is_up = true;
    ++status.connects;
    status.reason.clear();
    return;
  }
  status.losses += status.is_up ? 1 : 0;
  status.is_up = false;
  status.is_full = false;
  status.reason = signal.reason;
}

} // namespace dynamo
