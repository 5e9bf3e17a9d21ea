#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/transport/broker_counts.hpp"
#include "dynamo/transport/broker_subscriber.hpp"
#include "dynamo/transport/listening_socket.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// The side of a broker that subscribers connect to. Belongs to the broker's
/// thread.
class broker_outlet {
 public:
  /// Whether a message that somebody has no room for may wait.
  enum class patience { wait, none };
  enum class outcome { done, must_wait };

  /// The options and the counts outlive it. `changed` is called when a prefix
  /// gets its first subscriber and when it loses its last.
  static result<std::unique_ptr<broker_outlet>>
  open(const tcp_endpoint& where, const broker_options& options,
       broker_counts& counts, broker_subscriber::change_sink changed);

  ~broker_outlet();
  broker_outlet(const broker_outlet&) = delete;
  broker_outlet& operator=(const broker_outlet&) = delete;

  const tcp_endpoint& endpoint() const { return listener_->endpoint(); }
  /// Readable when serve() has something to do.
  int descriptor() const { return events_; }
  /// When serve() has something to do though nothing came.
  std::optional<clock::time_point> next_deadline() const;

  /// Accepts, reads, and writes what waited.
  void serve(clock::time_point now);
  /// Queues a message for all that want it. With patience it is instead left
  /// to be offered again while somebody who is not late has no room.
  outcome offer(std::string_view topic, const broker_message& message,
                patience how);
  /// Writes what offer() queued.
  void flush();

  bool is_idle() const;

 private:
  using subscriber_map = std::map<int, std::unique_ptr<broker_subscriber>>;

  broker_outlet(int events, std::unique_ptr<listening_socket> listener,
                const broker_options& options, broker_counts& counts,
                broker_subscriber::change_sink changed);

  void accept(clock::time_point now);
  void end_unready(clock::time_point now);
  void serve(int descriptor, unsigned events);
  void write(broker_subscriber& to);
  void end(int descriptor, const error& reason);
  void count(std::string_view prefix, broker_subscriber::change what);
  void refresh_counts();

  const int events_;
  const std::unique_ptr<listening_socket> listener_;
  const broker_options& options_;
  broker_counts& counts_;
  const broker_subscriber::change_sink changed_;
  const broker_subscriber::change_sink counted_;

  subscriber_map subscribers_;
  /// How many subscribers each prefix has.
  std::map<std::string, std::size_t, std::less<>> uses_;
  /// To be written, each once.
  std::vector<broker_subscriber*> fresh_;
  std::vector<broker_subscriber*> wanting_;
  std::optional<clock::time_point> listen_again_;
};

} // namespace dynamo
