#include "dynamo/transport/nats_socket.hpp"

#include <algorithm>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace dynamo {

namespace {

nats_socket& socket_of(void* closure) {
  return *static_cast<nats_socket*>(closure);
}

} // namespace

alignas(16) thread_local bool nats_socket::writer::is_here_ = false;

natsStatus nats_socket::attach(natsOptions& options) {
  // Without this what is published is left to a thread of cnats.
  if (const natsStatus set = natsOptions_SetSendAsap(&options, true);
      set != NATS_OK) {
    return set;
  }
  return natsOptions_SetEventLoop(&options, this, on_attach, on_read, on_write,
                                  on_detach);
}

natsStatus nats_socket::on_attach(void** closure, void* loop, natsConnection*,
                                  natsSock descriptor) {
  *closure = loop;
  nats_socket& made = socket_of(loop);
  made.watch_peer(descriptor);
  made.descriptor_ = descriptor;
  return NATS_OK;
}

// With TLS cnats waits for the rest of a record that has begun. The system ends
// that when the peer's machine is not there any more.
void nats_socket::watch_peer(int descriptor) const {
  constexpr int probes = 3;
  const auto stale = static_cast<int>(stale_after_.count());
  const int interval = std::max(1, stale / 1000 / probes);
  const auto set = [descriptor](int level, int name, int value) {
    // Where it is refused, the default holds.
    ::setsockopt(descriptor, level, name, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, interval);
  set(IPPROTO_TCP, TCP_KEEPINTVL, interval);
  set(IPPROTO_TCP, TCP_KEEPCNT, probes);
}

void nats_socket::write(natsConnection& connection) {
  // Whoever has left something since the last look, and did not get in, relies
  // on another look after the lock was released.
  while (has_to_write_ && busy_.try_lock()) {
    is_writing_ = true;
    if (has_to_write_) {
      natsConnection_ProcessWriteEvent(&connection);
    }
    const bool is_full = has_to_write_;
    is_writing_ = false;
    busy_.unlock();
    if (is_full) {
      if (!is_polling()) {
        signals_->ring();
      }
      return;
    }
  }
}

void nats_socket::read(natsConnection& connection) {
  const lock_guard guard{busy_};
  natsConnection_ProcessReadEvent(&connection);
}

natsStatus nats_socket::on_read(void* closure, bool is_wanted) {
  if (!is_wanted) {
    socket_of(closure).descriptor_ = -1;
  }
  return NATS_OK;
}

natsStatus nats_socket::on_write(void* closure, bool is_wanted) {
  nats_socket& one = socket_of(closure);
  one.has_to_write_ = is_wanted;
  if (is_wanted && !writer::is_here_ && !one.is_polling()) {
    one.signals_->ring();
  }
  return NATS_OK;
}

natsStatus nats_socket::on_detach(void* closure) {
  socket_of(closure).descriptor_ = -1;
  return NATS_OK;
}

} // namespace dynamo
