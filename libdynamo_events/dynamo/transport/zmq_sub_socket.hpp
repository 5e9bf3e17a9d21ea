#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/transport/message_intake.hpp"
#include "dynamo/transport/peer_monitor.hpp"
#include "dynamo/transport/tcp_endpoint.hpp"
#include "dynamo/transport/transport.hpp"

#include <zmq.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dynamo {

/// One SUB socket of a subscription, its monitor, and the peers that it is
/// connected to. Belongs to the receiver's thread.
///
/// A connection is attempted once. libzmq's own retries are put off for ever:
/// whoever owns the schedule calls connect() again, on a socket that never
/// had this endpoint. Turned off (an interval of -1) they must not be, because
/// libzmq then ends the pipe of a lost peer together with what was received
/// and not read yet: its last messages would be lost.
class zmq_sub_socket {
 public:
  using time_point = clock::time_point;
  using change_sink = std::function<void(connection_change)>;

  /// `intake` must outlive it; `number` as in peer_monitor.
  static result<std::unique_ptr<zmq_sub_socket>>
  open(zmq::context_t& sockets, const zmq_options& options,
       message_intake& intake, ip_family family, std::uint64_t number);

  ~zmq_sub_socket();
  zmq_sub_socket(const zmq_sub_socket&) = delete;
  zmq_sub_socket& operator=(const zmq_sub_socket&) = delete;

  /// Whether connect() may be called for this endpoint.
  bool has_room_for(const tcp_endpoint& endpoint) const;
  /// Whether no peer is left, so that it can be destroyed.
  bool is_idle() const { return links_.empty(); }

  status connect(const peer& remote, const tcp_endpoint& endpoint,
                 time_point now);
  /// Ends the connection once what it has delivered is read; nothing is
  /// reported. False: there is none to this publisher.
  bool disconnect(std::uint64_t publisher_id, time_point now);

  /// Takes messages up to a limit, in a turn that is fair to other sockets.
  /// True: there are no more for now, and the socket's descriptor will say when
  /// there are.
  result<bool> read();
  /// Takes what the monitor says, and does what time demands.
  void update(time_point now, const change_sink& report);
  /// Gives all peers up, when read() has failed.
  void abandon(const std::string& reason, const change_sink& report);
  /// When update() must be called at the latest.
  std::optional<time_point> next_deadline() const;

  zmq::socket_t& messages() { return socket_; }
  zmq::socket_t& signals() { return monitor_->socket(); }

 private:
  enum class phase { connecting, connected, leaving };

  struct link {
    peer remote;
    std::string endpoint;
    phase at = phase::connecting;
    /// connecting: when it has failed. leaving: when it goes at the latest.
    time_point deadline{};
    /// leaving: not before.
    time_point earliest{};
    /// leaving: what is reported then.
    std::optional<connection_change> ending;
  };

  zmq_sub_socket(zmq::socket_t socket, const zmq_options& options,
                 message_intake& intake, ip_family family);

  status take_parts();
  void take_message();
  void forget_message();
  link* link_of(const std::string& endpoint);
  void on_signal(const peer_signal& signal, time_point now,
                 const change_sink& report);
  void leave(link& one, std::optional<connection_change> ending,
             time_point now);
  bool is_over(const link& one, time_point now) const;
  void remove(const link& one);
  connection_change change_of(const link& one, connection_state state,
                              std::string reason) const;

  zmq::socket_t socket_;
  std::unique_ptr<peer_monitor> monitor_;
  const zmq_options& options_;
  message_intake& intake_;
  const ip_family family_;

  std::vector<link> links_;
  /// Endpoints that this socket ever had: late signals of an old connection
  /// must not be taken for those of a new one.
  std::vector<std::string> used_;
  /// Whether the last read() left nothing behind.
  bool drained_ = true;

  /// The parts of the message that is being read, and how many have come,
  /// those that are too many included.
  std::array<zmq::message_t, zmq_message_parts> parts_;
  std::size_t parts_come_ = 0;
};

} // namespace dynamo
