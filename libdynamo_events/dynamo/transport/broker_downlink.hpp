#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/transport/peer_monitor.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <zmq.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>

namespace dynamo {

/// The way of one broker to all subscribers of a process: a SUB that connects
/// to its XPUB. Belongs to the link's thread. libzmq connects again by itself,
/// and subscribes again then.
class broker_downlink {
 public:
  /// The parts of a message, at most one more than it may have; they are valid
  /// during the call.
  using part_views = std::span<const byte_view>;
  using message_sink = std::function<void(part_views parts)>;

  /// As broker_uplink::open.
  static result<std::unique_ptr<broker_downlink>>
  open(zmq::context_t& sockets, const zmq_options& options,
       const std::string& endpoint, std::uint64_t number);

  void subscribe(const std::string& subject);
  void unsubscribe(const std::string& subject);

  /// Takes what the monitor says.
  void update();
  /// Takes messages, so many at most that others have their turn. False: there
  /// may be more.
  bool read(const message_sink& take);

  bool is_up() const { return status_.is_up; }
  std::uint64_t number() const { return number_; }
  const path_status& status() const { return status_; }
  zmq::socket_t& socket() { return socket_; }
  zmq::socket_t& signals() { return monitor_->socket(); }

 private:
  broker_downlink(zmq::socket_t socket, std::string endpoint,
                  std::uint64_t number);

  void end_message(const message_sink& take);

  static constexpr std::size_t parts_max = 5;

  zmq::socket_t socket_;
  std::unique_ptr<peer_monitor> monitor_;
  const std::uint64_t number_;
  std::array<zmq::message_t, parts_max> parts_;
  std::size_t parts_come_ = 0;
  path_status status_;
};

} // namespace dynamo
