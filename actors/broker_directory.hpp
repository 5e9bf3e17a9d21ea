#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/transport/broker_link.hpp"

#include <map>
#include <memory>
#include <string>

namespace dynamo::actors {

/// Tells a broker_link which brokers discovery knows: those that registered
/// themselves as component "zmq_broker" of a namespace, whatever their topic,
/// as Dynamo looks for them. Unlike Dynamo it follows them as they come and go.
class broker_directory : public std::enable_shared_from_this<broker_directory> {
 public:
  /// `link` must live until stop().
  broker_directory(broker_link& link, const std::string& ns);

  /// Follows what `store` says, from its threads.
  status follow(discovery& store);

  /// The link is not called again.
  void stop();

  /// Those that are known, in the order of their records' keys.
  broker_endpoints brokers() const;

 private:
  void read_changes();
  void note(const discovery_change& change) DYNAMO_REQUIRES(mutex_);
  broker_endpoints listed() const DYNAMO_REQUIRES(mutex_);

  const scope owner_;
  const std::shared_ptr<discovery_inbox> changes_;

  mutable mutex mutex_;
  broker_link* link_ DYNAMO_GUARDED_BY(mutex_);
  std::map<std::string, zmq_broker_address> by_key_ DYNAMO_GUARDED_BY(mutex_);
};

} // namespace dynamo::actors
