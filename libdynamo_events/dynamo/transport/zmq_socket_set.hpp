#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/transport/change_reporter.hpp"
#include "dynamo/transport/message_intake.hpp"
#include "dynamo/transport/receiver_counters.hpp"
#include "dynamo/transport/zmq_sub_socket.hpp"

#include <zmq.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace dynamo {

/// All SUB sockets of a process, and the loop's body. Belongs to the thread
/// that makes it.
///
/// A turn looks only at sockets that have something, and at those that a
/// deadline is set for: how many others there are costs nothing.
class zmq_socket_set {
 public:
  using time_point = clock::time_point;

  /// The references must outlive it.
  zmq_socket_set(zmq::context_t& sockets, const zmq_options& options,
                 receiver_counters& counters);
  ~zmq_socket_set();
  zmq_socket_set(const zmq_socket_set&) = delete;
  zmq_socket_set& operator=(const zmq_socket_set&) = delete;

  void report_to(std::shared_ptr<connection_inbox> changes,
                 std::function<void()> wake);
  /// Calls that `wake`: senders may have other subscribers.
  void tell_of_senders() const { reporter_.wake(); }
  void subscribe(subscription wanted);
  void unsubscribe(subscription_id id);
  /// Replaces the connection to the same publisher, if there is one.
  void connect(subscription_id id, const peer& remote, time_point now);
  void disconnect(subscription_id id, std::uint64_t publisher_id,
                  time_point now);

  /// Descriptors beside the sockets: readable ones end a wait.
  using descriptors = std::array<int, 2>;

  /// Before the first wait. errc::io.
  status open(const descriptors& others);
  /// Sleeps until a socket or one of the descriptors is readable, or something
  /// is due. errc::closed when the sockets are being closed.
  status wait(time_point now);
  /// Takes what wait() found: messages, signals, what is due. Nothing may be
  /// called between the two.
  void serve(time_point now);

 private:
  /// A socket, and what is to be done about it at the next turn.
  struct station {
    std::unique_ptr<zmq_sub_socket> socket;
    int messages = -1;
    int signals = -1;
    bool is_due = false;
    bool has_signals = false;
    bool is_unsettled = false;
  };
  using station_list = std::vector<station*>;

  struct stream {
    message_intake intake;
    std::vector<std::unique_ptr<station>> stations;
  };

  void disconnect(stream& from, std::uint64_t publisher_id, time_point now);
  status connect(stream& to, const peer& remote, time_point now);
  result<station*> station_for(stream& to, const tcp_endpoint& endpoint);
  status watch(station& one);
  void close(station& one);
  void make_due(station& one);
  void stir(station& one);
  void unsettle(station& one);
  void serve(station& one, time_point now);
  void sweep();
  std::chrono::milliseconds timeout(time_point now) const;

  zmq::context_t& sockets_;
  const zmq_options& options_;
  receiver_counters& counters_;
  change_reporter reporter_;
  zmq_sub_socket::change_sink report_;
  std::map<subscription_id, stream> streams_;
  std::uint64_t sockets_made_ = 0;

  int epoll_ = -1;
  /// To be served at the next turn, whatever is readable.
  station_list due_;
  /// Not every peer is connected, or none is left: there are deadlines.
  station_list unsettled_;
  /// The library said so when a socket was read.
  bool is_closed_ = false;
};

} // namespace dynamo
