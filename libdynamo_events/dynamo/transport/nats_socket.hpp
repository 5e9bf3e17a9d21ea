#pragma once

#include "dynamo/base/mutex.hpp"
#include "dynamo/transport/nats_signals.hpp"

#include <nats/nats.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace dynamo {

/// The socket of one connection, which cnats reads and writes when it is told
/// to, instead of in threads of its own. Made by the thread that polls it; must
/// outlive the connection. Only here cnats touches the descriptor, by one
/// thread at a time.
class nats_socket {
 public:
  /// A thread that will call write() after what it does meanwhile.
  class writer {
   public:
    writer() { is_here_ = true; }
    ~writer() { is_here_ = false; }
    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;

   private:
    friend class nats_socket;
    // Aligned as what the linker puts behind it. mold 1.10 lets the pages that
    // become read-only begin here, and when that was the last odd byte of a
    // page without memory, the program did not start.
    alignas(16) static thread_local bool is_here_;
  };

  /// `signals` are rung when there is something to be written and nobody at it.
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

  /// Something waits to be written: the polling thread waits for room. Not
  /// while another thread is writing, which rings if it leaves something: there
  /// is room then, and the polling thread would find it again and again, maybe
  /// on the processor that the other one needs to go on.
  bool has_to_write() const { return has_to_write_ && !is_writing_; }

  /// Writes what waits, as much as there is room for, and never waits but for
  /// TLS. Any thread; what it finds another one at, that one does.
  void write(natsConnection& connection);

  /// Reads once, and has cnats take what it was. The polling thread.
  void read(natsConnection& connection);

 private:
  static natsStatus on_attach(void** closure, void* loop, natsConnection*,
                              natsSock descriptor);
  static natsStatus on_read(void* closure, bool is_wanted);
  static natsStatus on_write(void* closure, bool is_wanted);
  static natsStatus on_detach(void* closure);

  void watch_peer(int descriptor) const;
  bool is_polling() const { return std::this_thread::get_id() == polling_; }

  const std::shared_ptr<nats_signals> signals_;
  const std::chrono::milliseconds stale_after_;
  const std::thread::id polling_ = std::this_thread::get_id();
  std::atomic<int> descriptor_{-1};
  std::atomic<bool> has_to_write_{false};
  std::atomic<bool> is_writing_{false};
  /// Held while cnats reads or writes.
  mutex busy_;
};

} // namespace dynamo
