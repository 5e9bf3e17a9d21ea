#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/transport/broker_downlink.hpp"
#include "dynamo/transport/broker_uplink.hpp"
#include "dynamo/transport/broker_url.hpp"

#include <zmq.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// The connections of a process to all brokers. Belongs to the link's thread.
class broker_paths {
 public:
  enum class outcome {
    /// At least one broker has it, or nobody is subscribed any more.
    sent,
    /// Those that have subscribers for it are full.
    no_room,
    /// It is too large for a frame.
    too_large,
  };
  /// A downlink came up, or was lost.
  using change_sink = std::function<void(const broker_downlink& which)>;
  using message_sink = std::function<void(const broker_downlink& from,
                                          broker_downlink::part_views parts)>;

  explicit broker_paths(const zmq_options& options);

  /// Opens what is wanted and not there, and closes what is neither wanted nor
  /// connected.
  void open(const broker_endpoints& wanted);
  /// Subjects that every downlink is subscribed to from now on.
  void follow(std::set<std::string> subjects);
  void close();

  /// Waits until something happens at a socket or at `bell`.
  void wait(int bell, std::chrono::milliseconds patience);
  /// Takes what happened to connections. What a lost one had brought is read
  /// before `lost` is called.
  void update(const change_sink& came_up, const change_sink& lost,
              const message_sink& take);
  /// False: there may be more.
  bool read(const message_sink& take);

  /// Whether messages can go and come.
  bool is_up() const;
  /// Uplinks that are up: "tcp://a:1, tcp://b:1".
  std::string up() const;
  /// Why those that are not up are not.
  std::string why_not() const;

  /// Whether somebody behind a broker is subscribed.
  bool covers(std::string_view subject) const;
  /// Hands a message to every broker that has subscribers for it.
  outcome send(const wire_message& message);

  std::vector<path_status> status() const;

 private:
  const zmq_options& options_;
  zmq::context_t sockets_;
  std::vector<std::unique_ptr<broker_uplink>> uplinks_;
  std::vector<std::unique_ptr<broker_downlink>> downlinks_;
  std::uint64_t next_number_ = 1;
  std::set<std::string> subjects_;
  /// Why the last that could not be opened was not.
  std::string failure_;
};

} // namespace dynamo
