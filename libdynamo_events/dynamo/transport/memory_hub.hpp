#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/shared_link.hpp"

#include <memory>
#include <set>
#include <string>

namespace dynamo {

/// A NATS server within the process, for tests and for planes that share one:
/// links reach each other through it, and it can be made to fail.
///
/// Thread-safe. What is published is delivered, and answered, before publish()
/// returns.
class memory_hub {
 public:
  /// With false every connection is lost, and attempts fail.
  void set_up(bool is_up);
  /// With false attempts are refused as those of strangers.
  void set_welcoming(bool is_welcoming);
  /// With false messages are delivered, but nobody is told.
  void set_answering(bool is_answering);
  /// The largest envelope; taken over at the next connection.
  void set_envelope_bytes_max(std::size_t most);
  /// Every connection is asked to go to another server.
  void begin_lame_duck();

  struct link;

 private:
  friend std::unique_ptr<shared_link>
  make_memory_link(std::shared_ptr<memory_hub> hub);

  mutable mutex mutex_;
  std::set<link*> links_ DYNAMO_GUARDED_BY(mutex_);
  bool is_up_ DYNAMO_GUARDED_BY(mutex_) = true;
  bool is_welcoming_ DYNAMO_GUARDED_BY(mutex_) = true;
  bool is_answering_ DYNAMO_GUARDED_BY(mutex_) = true;
  std::size_t envelope_bytes_max_ DYNAMO_GUARDED_BY(mutex_) = 1024 * 1024;
};

/// A link to the hub. Both may end in any order.
std::unique_ptr<shared_link> make_memory_link(std::shared_ptr<memory_hub> hub);

} // namespace dynamo
