#include "dynamo/transport/nats_signals.hpp"

#include "dynamo/transport/nats_error.hpp"

#include <utility>

namespace dynamo {

namespace {

/// A server that refuses one subject after the other fills no memory.
constexpr std::size_t refusals_bytes_max = 1024;

/// The text that cnats keeps may be of an earlier error: only with these it is
/// of this one.
std::string closing_reason(natsConnection& connection) {
  nats_last_error last = last_error_of(connection);
  return last.status == NATS_ERR || last.status == NATS_CONNECTION_AUTH_FAILED
             ? std::move(last.text)
             : natsStatus_GetText(last.status);
}

nats_signals& signals_of(void* closure) {
  return *static_cast<nats_signals*>(closure);
}

} // namespace

natsStatus nats_signals::attach(natsOptions& options) {
  for (const natsStatus set :
       {natsOptions_SetClosedCB(&options, on_closed, this),
        natsOptions_SetLameDuckModeCB(&options, on_lame_duck, this),
        natsOptions_SetErrorHandler(&options, on_error, this)}) {
    if (set != NATS_OK) {
      return set;
    }
  }
  return NATS_OK;
}

void nats_signals::on_closed(natsConnection* connection, void* closure) {
  std::string reason = closing_reason(*connection);
  signals_of(closure).note(connection, [&](record& noted) {
    noted.is_closed = true;
    noted.reason = std::move(reason);
  });
  // Last of all, since whoever awaits it may destroy this then.
  nats_signals& signals = signals_of(closure);
  const lock_guard guard{signals.mutex_};
  signals.records_[connection].is_over = true;
  signals.noted_.notify_all();
}

void nats_signals::on_lame_duck(natsConnection* connection, void* closure) {
  signals_of(closure).note(connection,
                           [](record& noted) { noted.is_lame_duck = true; });
}

void nats_signals::on_error(natsConnection* connection, natsSubscription*,
                            natsStatus failed, void* closure) {
  if (failed != NATS_NOT_PERMITTED) {
    return;
  }
  const std::string text = last_error_of(*connection).text;
  signals_of(closure).note(connection, [&](record& noted) {
    if (noted.refusals.size() < refusals_bytes_max) {
      noted.refusals += (noted.refusals.empty() ? "" : "; ") + text;
    }
  });
}

void nats_signals::note(const natsConnection* connection,
                        const std::function<void(record&)>& change) {
  {
    const lock_guard guard{mutex_};
    change(records_[connection]);
  }
  ring();
}

nats_signals::record
nats_signals::look(const natsConnection& connection) const {
  const lock_guard guard{mutex_};
  const auto found = records_.find(&connection);
  return found == records_.end() ? record{} : found->second;
}

bool nats_signals::is_closed(const natsConnection& connection) const {
  return look(connection).is_closed;
}

bool nats_signals::is_lame_duck(const natsConnection& connection) const {
  return look(connection).is_lame_duck;
}

std::string nats_signals::refusals(const natsConnection& connection) const {
  return look(connection).refusals;
}

std::string nats_signals::await_end(const natsConnection& connection) {
  const lock_guard guard{mutex_};
  while (!records_[&connection].is_over) {
    noted_.wait(mutex_);
  }
  std::string reason = std::move(records_[&connection].reason);
  records_.erase(&connection);
  return reason;
}

void nats_signals::ring() {
  const lock_guard guard{ring_mutex_};
  if (ring_) {
    ring_();
  }
}

void nats_signals::silence() {
  const lock_guard guard{ring_mutex_};
  ring_ = nullptr;
}

} // namespace dynamo
