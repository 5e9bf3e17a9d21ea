#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/transport/nats_signals.hpp"

#include <nats/nats.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace dynamo {

/// Asks a server for a PONG. cnats has no call for it that does not wait, so a
/// thread waits.
class nats_flush {
 public:
  /// `signals` are rung when it ends.
  explicit nats_flush(std::shared_ptr<nats_signals> signals)
      : signals_(std::move(signals)) {}

  ~nats_flush() { wait(); }
  nats_flush(const nats_flush&) = delete;
  nats_flush& operator=(const nats_flush&) = delete;

  /// Not while it is running. The connection must not be destroyed before
  /// wait() was called. errc::io when the system gives no thread.
  status start(natsConnection& connection, std::chrono::milliseconds longest);

  /// Waits for the end, which is also that of the connection.
  void wait();

  bool is_running() const { return is_running_; }

  /// Of the last one, once it is not running any more.
  natsStatus outcome() const { return outcome_; }

 private:
  const std::shared_ptr<nats_signals> signals_;
  std::atomic<bool> is_running_{false};
  std::atomic<natsStatus> outcome_{NATS_OK};
  std::thread thread_;
};

} // namespace dynamo
