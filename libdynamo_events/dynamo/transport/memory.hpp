#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace dynamo {

/// What connects the memory transports of one process; for tests and for
/// programs of one process. Endpoints are called "mem://1", "mem://2", ...
///
/// Everything happens in the call that causes it: a message is in the inboxes
/// when send() returns, a change of a connection is reported when connect()
/// returns. There is no thread and no time, hence nothing is random.
///
/// Thread-safe, and no lock is held while something is pushed or woken. When
/// several threads use it, a `wake` that had begun may end after unsubscribe()
/// returned.
class memory_network {
 public:
  /// Ends all connections to an endpoint: they are reported as lost.
  void cut(const std::string& endpoint);
  /// From now on nobody can connect to an endpoint; connections stay.
  void refuse(const std::string& endpoint);
  /// Undoes refuse().
  void accept(const std::string& endpoint);
  /// Ends an endpoint as the death of its process does: connections are lost,
  /// new ones fail, and what its sender still sends is refused.
  void close(const std::string& endpoint);
  /// How many connections an endpoint has.
  std::size_t connections(const std::string& endpoint) const;

  /// The receiving end of a subscription.
  struct inlet;

  // For the transports on it.

  /// `stirred` is called when somebody connects or disconnects.
  std::string open(std::shared_ptr<const stream_name> name,
                   std::function<void()> stirred);
  connection_state connect(std::shared_ptr<inlet> from, const peer& remote);
  void disconnect(const inlet& from, std::uint64_t publisher_id);
  void disconnect_all(const inlet& from);
  send_outcome send(const std::string& endpoint, const wire_message& message);
  std::size_t subscribers(const std::string& endpoint) const;

 private:
  struct connection {
    std::shared_ptr<inlet> from;
    peer remote;
  };
  struct outlet {
    std::shared_ptr<const stream_name> name;
    std::vector<connection> connections;
    std::function<void()> stirred;
  };

  outlet take_connections(const std::string& endpoint);
  void disconnect_if(const std::function<bool(const connection&)>& is_meant);

  mutable mutex mutex_;
  std::map<std::string, outlet> outlets_ DYNAMO_GUARDED_BY(mutex_);
  std::set<std::string> refusing_ DYNAMO_GUARDED_BY(mutex_);
  std::uint64_t endpoints_made_ DYNAMO_GUARDED_BY(mutex_) = 0;
};

/// A transport over a network; several may share one, as processes share a
/// cluster's.
std::unique_ptr<transport>
make_memory_transport(std::shared_ptr<memory_network> network);

} // namespace dynamo
