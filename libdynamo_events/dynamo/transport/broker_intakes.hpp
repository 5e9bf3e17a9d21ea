#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/message_intake.hpp"
#include "dynamo/transport/receiver_counters.hpp"
#include "dynamo/transport/transport.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace dynamo {

/// The subscriptions of a process that reads through brokers, by subject.
/// Thread-safe.
class broker_intakes {
 public:
  /// `counters` must outlive it.
  explicit broker_intakes(receiver_counters& counters)
      : counters_(counters) {}

  /// errc::exists for an id that is taken.
  status add(subscription wanted);
  /// After it returned, `wake` of the subscription is not called again.
  void remove(subscription_id id);
  void clear();

  /// The subjects of all, when they are others than at the last call.
  std::optional<std::set<std::string>> changed_subjects();

  /// What a subject is called; null when nobody wants it.
  std::shared_ptr<const stream_name> name_of(std::string_view subject);

  /// For the inbox of each subscription to its subject; in there, as of
  /// message_intake, with flush().
  void take(wire_message&& message);
  void flush();

 private:
  receiver_counters& counters_;

  mutex mutex_;
  std::map<subscription_id, std::unique_ptr<message_intake>>
      intakes_ DYNAMO_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const stream_name>, std::less<>>
      names_ DYNAMO_GUARDED_BY(mutex_);
  bool changed_ DYNAMO_GUARDED_BY(mutex_) = false;
};

} // namespace dynamo
