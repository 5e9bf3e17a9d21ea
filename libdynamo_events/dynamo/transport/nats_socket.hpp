#pragma once

#include "dynamo/transport/nats_signals.hpp"

#include <nats/nats.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace dynamo {

/// The socket of one connection, which cnats reads and writes when it is told
/// to, instead of in threads of its own. Made by the thread that polls it; must
/// outlive the connection.
class nats_socket {
 public:
  /// `signals` are rung when another thread left something to be written.
  nats_socket(std::shared_ptr<nats_signals> signals,
              std::chrono::milliseconds stale_after)
      : signals_(std::move(signals))
      , stale_after_(stale_after) {}
  nats_socket(const nats_socket&) = delete;
  nats_socket& operator=(const nats_socket&) = delete;

  /// Directs connections made with these options here.
  natsStatus attach(natsOptions& options);

  /// Negative before the connection is there, and once it is closed.
  int descriptor() const { return descriptor_; }

  bool has_to_write() const { return has_to_write_; }

 private:
  static natsStatus on_attach(void** closure, void* loop, natsConnection*,
                              natsSock descriptor);
  static natsStatus on_read(void* closure, bool is_wanted);
  static natsStatus on_write(void* closure, bool is_wanted);
  static natsStatus on_detach(void* closure);

  void watch_peer(int descriptor) const;

  const std::shared_ptr<nats_signals> signals_;
  const std::chrono::milliseconds stale_after_;
  const std::thread::id polling_ = std::this_thread::get_id();
  std::atomic<int> descriptor_{-1};
  std::atomic<bool> has_to_write_{false};
};

} // namespace dynamo
