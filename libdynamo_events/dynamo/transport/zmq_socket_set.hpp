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
class zmq_socket_set {
 public:
  using time_point = clock::time_point;

  /// The references must outlive it.
  zmq_socket_set(zmq::context_t& sockets, const zmq_options& options,
                 receiver_counters& counters);

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

  /// Descriptors beside the sockets.
  using descriptors = std::array<int, 2>;

  /// Sleeps until a socket or one of `others` is readable, or something is due.
  /// errc::closed when the sockets are being closed.
  status wait(const descriptors& others, time_point now);
  /// Takes what wait() found: messages, signals, what is due. Nothing may be
  /// called between the two.
  void serve(time_point now);

 private:
  struct stream {
    message_intake intake;
    std::vector<std::unique_ptr<zmq_sub_socket>> sockets;
  };

  void disconnect(stream& from, std::uint64_t publisher_id, time_point now);
  status connect(stream& to, const peer& remote, time_point now);
  result<zmq_sub_socket*> socket_for(stream& to, const tcp_endpoint& endpoint);
  void serve(zmq_sub_socket& socket, bool readable, bool has_signals,
             time_point now);
  void sweep();
  void list_items(const descriptors& others);
  std::chrono::milliseconds timeout(time_point now) const;

  zmq::context_t& sockets_;
  const zmq_options& options_;
  receiver_counters& counters_;
  change_reporter reporter_;
  zmq_sub_socket::change_sink report_;
  std::map<subscription_id, stream> streams_;
  std::uint64_t sockets_made_ = 0;

  /// What is polled: the descriptors, then messages and signals of each
  /// socket in `polled_`.
  std::vector<zmq::pollitem_t> items_;
  std::vector<zmq_sub_socket*> polled_;
  bool items_valid_ = false;
};

} // namespace dynamo
