#pragma once

#include "dynamo/base/error.hpp"

#include <zmq.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace dynamo {

/// Something happened to a connection of a socket.
struct peer_signal {
  enum class kind {
    /// The handshake is done.
    connected,
    /// The connection ended, before or after the handshake.
    disconnected,
    /// It could not be made.
    refused,
    /// The peer does not speak our protocol; `disconnected` follows.
    handshake_failed,
  };
  kind what = kind::connected;
  /// As libzmq spells it.
  std::string endpoint;
  std::string reason;
};

/// What libzmq reports about the connections of one socket. Belongs to the
/// thread of that socket, and must be destroyed before it: a monitor that
/// nobody reads, and that is not turned off, can block libzmq's own thread.
class peer_monitor {
 public:
  /// `watched` must outlive the monitor. `number` must never have been used
  /// before with these `sockets`.
  static result<std::unique_ptr<peer_monitor>>
  open(zmq::context_t& sockets, zmq::socket_t& watched, std::uint64_t number);

  ~peer_monitor();
  peer_monitor(const peer_monitor&) = delete;
  peer_monitor& operator=(const peer_monitor&) = delete;

  /// What happened next; nothing when nothing has. Never waits.
  std::optional<peer_signal> next();

  /// Readable when next() has something to say.
  zmq::socket_t& socket() { return signals_; }

 private:
  peer_monitor(zmq::socket_t& watched, zmq::socket_t signals)
      : watched_(watched)
      , signals_(std::move(signals)) {}

  zmq::socket_t& watched_;
  zmq::socket_t signals_;
};

} // namespace dynamo
